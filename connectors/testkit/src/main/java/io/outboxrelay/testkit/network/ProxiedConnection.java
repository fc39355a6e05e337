package io.outboxrelay.testkit.network;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.List;

/** One client's connection and the one that was made for it, with a thread for each direction. */
final class ProxiedConnection {

    private static final int BUFFER = 16 * 1024;

    private final Socket client;
    private final Socket server;
    private final Valve toServer;
    private final Valve toClient;

    private volatile boolean dead;
    private volatile boolean ended;

    ProxiedConnection(Socket client, Socket server, Valve toServer, Valve toClient) {
        this.client = client;
        this.server = server;
        this.toServer = toServer;
        this.toClient = toClient;
    }

    /** Begins to pass on; the threads end with the connection. */
    List<Thread> start(String name) throws IOException {
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        Thread out = new Thread(() -> pump(client, server, toServer), name + "-to-server");
        Thread back = new Thread(() -> pump(server, client, toClient), name + "-to-client");
        List<Thread> pumps = List.of(out, back);
        for (Thread pump : pumps) {
            pump.setDaemon(true);
            pump.start();
        }
        return pumps;
    }

    /** Nothing passes any more. What an end still says is read, and forgotten. */
    void deaden() {
        dead = true;
        wake();
    }

    /** Ends both at once, with a reset. */
    void reset() {
        ended = true;
        wake();
        reset(client);
        reset(server);
    }

    /** Closes what is left once both threads have ended. */
    void close() throws IOException {
        client.close();
        server.close();
    }

    private void wake() {
        toServer.wake();
        toClient.wake();
    }

    private void pump(Socket from, Socket to, Valve valve) {
        byte[] buffer = new byte[BUFFER];
        try {
            for (int read = from.getInputStream().read(buffer);
                    read >= 0;
                    read = from.getInputStream().read(buffer)) {
                if (!dead) {
                    valve.write(buffer, read, to.getOutputStream(), () -> dead || ended);
                }
            }
            if (dead) {
                from.close();
            } else {
                // An end is news as well, and comes no sooner than what was said before it.
                valve.awaitTurn(() -> dead || ended);
                if (!dead) {
                    to.shutdownOutput();
                }
            }
        } catch (IOException gone) {
            if (dead) {
                reset(from);
            } else {
                reset();
            }
        } catch (InterruptedException e) {
            reset();
            Thread.currentThread().interrupt();
        }
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
        } catch (IOException closed) {
            // There is nothing left to reset.
        }
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
