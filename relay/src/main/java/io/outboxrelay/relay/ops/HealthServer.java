package io.outboxrelay.relay.ops;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Predicate;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.outboxrelay.relay.config.HealthSettings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers probes: {@code GET /health/live} and {@code GET /health/ready}, 200 for yes and 503 for no, with the state as
 * JSON. On threads of its own, none of which keeps the process alive.
 */
public final class HealthServer implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(HealthServer.class);

    private static final int THREADS = 2;

    private final Health health;
    private final ObjectMapper json = new ObjectMapper();
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS, task -> {
        Thread thread = new Thread(task, "outbox-relay-health");
        thread.setDaemon(true);
        return thread;
    });
    private final HttpServer server;

    private HealthServer(Health health, HttpServer server) {
        this.health = health;
        this.server = server;
    }

    /**
     * Starts to answer.
     *
     * @throws IOException if nobody can listen there; the message names the settings
     */
    public static HealthServer start(HealthSettings settings, Health health) throws IOException {
        HttpServer server;
        try {
            server = HttpServer.create(new InetSocketAddress(settings.host(), settings.port()), 0);
        } catch (IOException | RuntimeException e) {
            throw new IOException(
                    "cannot listen at health.host = " + settings.host() + ", health.port = " + settings.port() + ": "
                            + e.getMessage(),
                    e);
        }
        HealthServer started = new HealthServer(health, server);
        server.createContext("/", started::answer);
        server.setExecutor(started.threads);
        server.start();
        log.info("Health is told at http://{}:{}/health/ready", settings.host(), started.port());
        return started;
    }

    /** The port that is listened at. */
    public int port() {
        return server.getAddress().getPort();
    }

    /** Stops to answer, at once. */
    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            exchange.getRequestBody().readAllBytes();
            if (!exchange.getRequestMethod().equals("GET")) {
                exchange.getResponseHeaders().set("Allow", "GET");
                exchange.sendResponseHeaders(405, -1);
                return;
            }
            switch (exchange.getRequestURI().getPath()) {
                case "/health/live" -> tell(exchange, Health.State::live);
                case "/health/ready" -> tell(exchange, Health.State::ready);
                default -> exchange.sendResponseHeaders(404, -1);
            }
        }
    }

    private void tell(HttpExchange exchange, Predicate<Health.State> question) throws IOException {
        Health.Status status = health.status();
        Map<String, String> told = new LinkedHashMap<>();
        told.put("state", status.state().name());
        told.put("since", status.since().toString());
        told.put("reason", status.reason());
        byte[] body = json.writeValueAsBytes(told);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(question.test(status.state()) ? 200 : 503, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }
}
