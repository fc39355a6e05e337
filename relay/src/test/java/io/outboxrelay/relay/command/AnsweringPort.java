package io.outboxrelay.relay.command;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/** A port of this machine that answers as it is told to, and 404 to all else. */
final class AnsweringPort implements AutoCloseable {

    private record Answer(int status, String body) {}

    private final HttpServer server;
    private final Map<String, Answer> answers = new ConcurrentHashMap<>();

    private AnsweringPort(HttpServer server) {
        this.server = server;
    }

    static AnsweringPort open() throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        AnsweringPort port = new AnsweringPort(server);
        server.createContext("/", port::answer);
        server.start();
        return port;
    }

    void answer(String path, int status, String body) {
        answers.put(path, new Answer(status, body));
    }

    int number() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            Answer answer = answers.getOrDefault(exchange.getRequestURI().getPath(), new Answer(404, "nothing here"));
            byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(answer.status(), body.length);
            exchange.getResponseBody().write(body);
        }
    }
}
