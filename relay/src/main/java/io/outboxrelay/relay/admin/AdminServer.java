package io.outboxrelay.relay.admin;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import io.outboxrelay.api.Code;
import io.outboxrelay.relay.config.AdminSettings;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * The admin port. Answers probes: {@code GET /health/live} and {@code GET /health/ready}, 200 for yes and 503 for no, with
 * the state as JSON; {@code GET /metrics}, in the text format of Prometheus; and what else it is given. Whatever it
 * refuses, it says why as JSON. On threads of its own, none of which keeps the process alive.
 */
public final class AdminServer implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(AdminServer.class);

    /** More clients at once wait for others to end. Each has a thread, so that a slow one keeps no probe waiting. */
    private static final int CONNECTIONS = 48;

    private static final Map<String, String> HEADERS = Map.of(
            "Cache-Control", "no-store",
            "X-Content-Type-Options", "nosniff",
            "X-Frame-Options", "DENY",
            "Referrer-Policy", "no-referrer",
            "Cross-Origin-Opener-Policy", "same-origin",
            "Cross-Origin-Resource-Policy", "same-origin",
            "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");

    private final Guard guard;
    private final ObjectMapper json = new ObjectMapper();
    private final Map<String, SortedMap<String, Route>> routes = new ConcurrentHashMap<>();
    private final ThreadPoolExecutor threads = new ThreadPoolExecutor(
            CONNECTIONS, CONNECTIONS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), task -> {
                Thread thread = new Thread(task, "outbox-relay-admin");
                thread.setDaemon(true);
                return thread;
            });
    private final HttpServer server;

    private AdminServer(AdminSettings settings, HttpServer server) {
        this.guard = new Guard(settings);
        this.server = server;
        threads.allowCoreThreadTimeOut(true);
    }

    /**
     * Starts to answer.
     *
     * @throws IOException if nobody can listen there, or the certificate cannot be used; the message names the settings
     */
    public static AdminServer start(AdminSettings settings, Health health, Metrics metrics) throws IOException {
        limitRequests(settings.requestTimeout());
        HttpServer server = settings.tls().isPresent()
                ? TlsIdentity.of(settings.tls().get()).secure(HttpsServer.create())
                : HttpServer.create();
        try {
            server.bind(new InetSocketAddress(settings.host(), settings.port()), 0);
        } catch (IOException | RuntimeException e) {
            throw new PortException(
                    "cannot listen at admin.host = " + settings.host() + ", admin.port = " + settings.port() + ": "
                            + e.getMessage(),
                    e);
        }
        AdminServer started = new AdminServer(settings, server);
        started.serve(List.of(
                Route.open("/health/live", question -> started.tell(health.report(Health.Probe.LIVE))),
                Route.open("/health/ready", question -> started.tell(health.report(Health.Probe.READY))),
                Route.reading("/metrics", question -> Answer.of(200, Metrics.CONTENT_TYPE, metrics.text()))));
        server.createContext("/", started::answer);
        server.setExecutor(started.threads);
        server.start();
        log.info(
                "The status page is at {}://{}:{}/",
                settings.tls().isPresent() ? "https" : "http",
                settings.host(),
                started.port());
        return started;
    }

    /** Answers these too. */
    void serve(List<Route> more) {
        for (Route route : more) {
            routes.computeIfAbsent(route.path(), path -> new TreeMap<>()).put(route.method(), route);
        }
    }

    /** Answers with this too, below a path of its own; it comes on these threads, must not keep them, and guards itself. */
    public void serve(String path, HttpHandler handler) {
        server.createContext(path, handler);
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

    /** The server of the JDK knows only properties of the process, which it reads once. */
    private static void limitRequests(Duration limit) {
        String seconds = Long.toString(Math.max(1, limit.toSeconds()));
        System.setProperty("sun.net.httpserver.maxReqTime", seconds);
        System.setProperty("sun.net.httpserver.maxRspTime", seconds);
        System.setProperty("sun.net.httpserver.maxReqHeaders", "64");
        System.setProperty("sun.net.httpserver.maxReqHeaderSize", Integer.toString(32 << 10));
        System.setProperty("sun.net.httpserver.maxIdleConnections", Integer.toString(CONNECTIONS / 2));
        System.setProperty("jdk.httpserver.maxConnections", Integer.toString(CONNECTIONS));
        // Without it a small answer waits for the client's acknowledgement of its headers.
        System.setProperty("sun.net.httpserver.nodelay", "true");
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            send(exchange, answerOf(exchange));
        }
    }

    private Answer answerOf(HttpExchange exchange) throws IOException {
        try {
            SortedMap<String, Route> here = routes.get(exchange.getRequestURI().getPath());
            if (here == null) {
                return Answer.refusal(404, "there is nothing here");
            }
            String method = exchange.getRequestMethod();
            Route route = here.get(method.equals("HEAD") ? "GET" : method);
            if (route == null) {
                String allowed = String.join(", ", here.keySet());
                return Answer.refusal(405, "allowed here: " + allowed).with("Allow", allowed);
            }
            return route.endpoint().answer(guard.pass(exchange, route, parameters(exchange)));
        } catch (RefusedException e) {
            // No challenge by which a browser would ask for a password, and then send it with every request.
            Answer refusal = Answer.refusal(e.code(), e.getMessage());
            return e.code() == 401 ? refusal.with("WWW-Authenticate", "Bearer realm=\"outbox-relay\"") : refusal;
        } catch (SQLException e) {
            return Answer.refusal(503, DatabaseFailure.of(e).toString());
        } catch (IOException e) {
            throw e;
        } catch (Exception e) {
            log.error("{} A request at the admin port failed", Code.UNEXPECTED, e);
            return Answer.refusal(500, "the relay could not answer; its log says more");
        }
    }

    private static Map<String, String> parameters(HttpExchange exchange) throws RefusedException {
        Map<String, String> parameters = new HashMap<>();
        String query = exchange.getRequestURI().getRawQuery();
        if (query == null) {
            return parameters;
        }
        try {
            for (String pair : query.split("&", -1)) {
                String[] parts = pair.split("=", 2);
                parameters.put(
                        URLDecoder.decode(parts[0], UTF_8),
                        parts.length == 1 ? "" : URLDecoder.decode(parts[1], UTF_8));
            }
        } catch (IllegalArgumentException e) {
            throw new RefusedException(400, "the query cannot be read");
        }
        return parameters;
    }

    private static void send(HttpExchange exchange, Answer answer) throws IOException {
        Headers headers = exchange.getResponseHeaders();
        HEADERS.forEach(headers::set);
        headers.set("Content-Type", answer.type());
        answer.headers().forEach(headers::set);
        if (answer.code() == 413) {
            headers.set("Connection", "close");
        }
        byte[] body = answer.body().getBytes(UTF_8);
        if (exchange.getRequestMethod().equals("HEAD")) {
            headers.set("Content-Length", Integer.toString(body.length));
            exchange.sendResponseHeaders(answer.code(), -1);
            return;
        }
        exchange.sendResponseHeaders(answer.code(), body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private Answer tell(Health.Report report) {
        ObjectNode told = json.createObjectNode()
                .put("state", report.status().state().name())
                .put("since", report.status().since().toString())
                .put("reason", report.status().reason());
        ArrayNode checks = told.putArray("checks");
        report.checks()
                .forEach(check -> checks.addObject()
                        .put("name", check.name())
                        .put("ok", check.ok())
                        .put("since", check.since().toString())
                        .put("reason", check.reason()));
        return Answer.json(report.ok() ? 200 : 503, told);
    }
}
