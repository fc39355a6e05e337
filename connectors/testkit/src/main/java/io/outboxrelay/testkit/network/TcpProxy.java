package io.outboxrelay.testkit.network;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Stands between clients and one server, at an address of its own on this machine, and is the network between them: free
 * at first, and cut, refusing, held, slow or dead as soon as it is told so, for connections that are there and for those
 * that come. Safe for use by any thread; no call waits for the traffic.
 *
 * <p>Each end is told of the other's end, unless the connection is dead: then neither is told of anything.
 */
public final class TcpProxy implements AutoCloseable {

    private static final int CONNECT_MILLIS = 5_000;

    private final InetSocketAddress server;
    private final int port;
    private final Set<ProxiedConnection> connections = ConcurrentHashMap.newKeySet();
    private final Valve toServer = new Valve();
    private final Valve toClient = new Valve();

    /** Null while connections are refused. */
    private ServerSocket listening;

    private Thread accepting;

    private boolean closed;

    private TcpProxy(InetSocketAddress server, int port) {
        this.server = server;
        this.port = port;
    }

    /**
     * Begins to listen.
     *
     * @param port where; nobody else may listen there, also not while this refuses connections
     * @param host the server's, which need not be up
     * @param serverPort the server's
     */
    public static TcpProxy listen(int port, String host, int serverPort) {
        TcpProxy proxy = new TcpProxy(new InetSocketAddress(host, serverPort), port);
        proxy.accept();
        return proxy;
    }

    /** Where clients connect to, on {@code localhost}. */
    public int port() {
        return port;
    }

    /** How many connections there are, dead ones included. */
    public int connections() {
        return connections.size();
    }

    /** Changes what passes from clients to the server. */
    public void toServer(Flow flow) {
        toServer.set(flow);
    }

    /** Changes what passes from the server to clients. */
    public void toClient(Flow flow) {
        toClient.set(flow);
    }

    /** Both directions. */
    public void both(Flow flow) {
        toServer(flow);
        toClient(flow);
    }

    /** Ends every connection with a reset, at both ends. New ones are taken as before. */
    public void cut() {
        connections.forEach(ProxiedConnection::reset);
    }

    /** Takes no connection from now on: clients are refused, as by a machine on which nobody listens. Those that are there stay. */
    public synchronized void refuse() {
        if (listening == null) {
            return;
        }
        close(listening);
        listening = null;
        // A thread that is still waiting at the socket keeps it open for the kernel.
        try {
            accepting.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * What is connected now stays so for ever at both ends, and nothing passes any more, not even that an end has gone: as
     * when a machine in between has forgotten the connection. New ones are taken as before.
     */
    public void deaden() {
        connections.forEach(ProxiedConnection::deaden);
    }

    /** Takes connections again and lets everything pass. Dead connections stay dead. */
    public void heal() {
        both(Flow.FREE);
        accept();
    }

    /** Ends all connections and stops to listen. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        refuse();
        cut();
    }

    private synchronized void accept() {
        if (listening != null || closed) {
            return;
        }
        try {
            ServerSocket socket = new ServerSocket();
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            listening = socket;
            accepting = daemon(() -> acceptAll(socket), "accept");
        } catch (IOException e) {
            throw new UncheckedIOException("cannot listen at port " + port, e);
        }
    }

    private void acceptAll(ServerSocket socket) {
        try (socket) {
            while (true) {
                Socket client = socket.accept();
                daemon(() -> connect(client), "connect");
            }
        } catch (IOException refused) {
            // The socket was closed to refuse connections.
        }
    }

    private void connect(Socket client) {
        Socket onward = new Socket();
        ProxiedConnection connection = new ProxiedConnection(client, onward, toServer, toClient);
        try {
            onward.connect(server, CONNECT_MILLIS);
            connections.add(connection);
            List<Thread> pumps = connection.start("proxy-" + port);
            for (Thread pump : pumps) {
                pump.join();
            }
            connection.close();
        } catch (IOException serverIsDown) {
            // As the server itself would have it: the client finds its connection gone.
            connection.reset();
        } catch (InterruptedException e) {
            connection.reset();
            Thread.currentThread().interrupt();
        } finally {
            connections.remove(connection);
        }
    }

    private Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, "proxy-" + port + "-" + name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void close(ServerSocket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
