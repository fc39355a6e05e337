package io.outboxrelay.relay.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A port of this machine that leads to a server, and later to another one, as an address does that moves at a failover. */
final class MovingAddress implements AutoCloseable {

    private final ServerSocket listening;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    private volatile int target;
    private volatile boolean closed;

    MovingAddress(int target) throws IOException {
        this.target = target;
        this.listening = new ServerSocket(0, 200, InetAddress.getByName("localhost"));
        daemon(this::accept);
    }

    int port() {
        return listening.getLocalPort();
    }

    /** From now on new connections lead to that port. Those that are open are closed. */
    void moveTo(int port) {
        target = port;
        open.forEach(MovingAddress::close);
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listening.close();
        open.forEach(MovingAddress::close);
    }

    private void accept() {
        while (!closed) {
            try {
                join(listening.accept());
            } catch (IOException e) {
                if (!closed) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    /** Where nobody listens the client is sent away. */
    private void join(Socket client) {
        open.add(client);
        try {
            Socket server = new Socket(InetAddress.getByName("localhost"), target);
            open.add(server);
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            daemon(() -> pass(client, server));
            daemon(() -> pass(server, client));
        } catch (IOException e) {
            end(client);
        }
    }

    /** One direction; its end is the end of both. */
    private void pass(Socket from, Socket to) {
        try (from;
                to) {
            from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException e) {
            // One of them has gone, which is what this is for.
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    private void end(Socket socket) {
        close(socket);
        open.remove(socket);
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void daemon(Runnable task) {
        Thread thread = new Thread(task, "moving-address");
        thread.setDaemon(true);
        thread.start();
    }
}
