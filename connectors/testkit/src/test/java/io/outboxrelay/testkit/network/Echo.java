package io.outboxrelay.testkit.network;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;

/** A server that says what it hears. */
final class Echo implements AutoCloseable {

    private final ServerSocket listening;
    private final Thread accepting;
    private final AtomicInteger heard = new AtomicInteger();
    private final AtomicInteger ends = new AtomicInteger();

    Echo() {
        try {
            listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        accepting = daemon(this::accept);
    }

    int port() {
        return listening.getLocalPort();
    }

    /** How many bytes. */
    int heard() {
        return heard.get();
    }

    /** How many connections ended. */
    int ends() {
        return ends.get();
    }

    /** When this returns, nobody listens. */
    @Override
    public void close() throws IOException {
        listening.close();
        // A thread that is still waiting at the socket takes one more connection.
        try {
            accepting.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listening.accept();
                daemon(() -> answer(client));
            }
        } catch (IOException closed) {
            // The end.
        }
    }

    private void answer(Socket client) {
        try (client) {
            InputStream in = client.getInputStream();
            byte[] buffer = new byte[1024];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                heard.addAndGet(read);
                client.getOutputStream().write(buffer, 0, read);
            }
        } catch (IOException reset) {
            // The client's way to end.
        } finally {
            ends.incrementAndGet();
        }
    }

    private static Thread daemon(Runnable task) {
        Thread thread = new Thread(task, "echo");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }
}
