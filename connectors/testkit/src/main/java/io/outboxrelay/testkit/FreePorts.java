package io.outboxrelay.testkit;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports for servers that give them up for a while. They lie below the range from which systems take the ports of
 * outgoing connections: otherwise a client that keeps trying to reach a stopped server can be given the server's own
 * port, connects to itself, and the server finds its port taken.
 */
public final class FreePorts {

    private static final int FIRST = 15_000;
    private static final int LAST = 29_999;
    private static final int ATTEMPTS = 100;

    private FreePorts() {}

    /** A port on which nobody listens at the moment. */
    public static int next() {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            int port = ThreadLocalRandom.current().nextInt(FIRST, LAST + 1);
            if (isFree(null, port) && isFree(InetAddress.getLoopbackAddress(), port)) {
                return port;
            }
        }
        throw new IllegalStateException("found no free port from " + FIRST + " to " + LAST);
    }

    private static boolean isFree(InetAddress address, int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(address, port));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
