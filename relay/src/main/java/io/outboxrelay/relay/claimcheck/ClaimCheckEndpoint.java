package io.outboxrelay.relay.claimcheck;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.SQLException;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.ops.DatabaseFailure;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers {@code GET /claim-check/ID} with a payload, for whoever has the token: 403 for others, 404 for what is not
 * there. On few threads of its own, so that who reads slowly keeps no probe waiting; 503 when all are busy. A payload is
 * passed on in parts and never held whole.
 */
public final class ClaimCheckEndpoint implements HttpHandler, AutoCloseable {

    /** Where it answers. */
    public static final String PATH = "/claim-check/";

    private static final Logger log = LoggerFactory.getLogger(ClaimCheckEndpoint.class);

    private static final int THREADS = 4;
    private static final int WAITING = 64;
    private static final int PART_BYTES = 1 << 20;
    private static final String SCHEME = "Bearer ";

    private final ClaimCheckTable table;
    private final byte[] token;
    private final ThreadPoolExecutor threads =
            new ThreadPoolExecutor(THREADS, THREADS, 10, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING), task -> {
                Thread thread = new Thread(task, "outbox-relay-claim-check-http");
                thread.setDaemon(true);
                return thread;
            });

    /** @param token what who asks must have */
    public ClaimCheckEndpoint(OutboxDatabase database, String token) {
        this.table = new ClaimCheckTable(database);
        this.token = token.getBytes(StandardCharsets.UTF_8);
        threads.allowCoreThreadTimeOut(true);
    }

    @Override
    public void handle(HttpExchange exchange) throws IOException {
        secure(exchange.getResponseHeaders());
        if (!exchange.getRequestMethod().equals("GET")) {
            exchange.getResponseHeaders().set("Allow", "GET");
            refuse(exchange, 405);
        } else if (!isAllowed(exchange.getRequestHeaders())) {
            refuse(exchange, 403);
        } else {
            try {
                threads.execute(() -> answer(exchange));
            } catch (RejectedExecutionException e) {
                exchange.getResponseHeaders().set("Retry-After", "1");
                refuse(exchange, 503);
            }
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }

    /** Takes as long for any wrong token. */
    private boolean isAllowed(Headers request) {
        String given = request.getFirst("Authorization");
        return given != null
                && given.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                && MessageDigest.isEqual(
                        given.substring(SCHEME.length()).strip().getBytes(StandardCharsets.UTF_8), token);
    }

    private void answer(HttpExchange exchange) {
        String id = exchange.getRequestURI().getPath().substring(PATH.length());
        try (exchange) {
            try {
                Optional<ClaimCheckTable.Stored> stored = ClaimCheck.isId(id) ? table.find(id) : Optional.empty();
                if (stored.isPresent()) {
                    send(exchange, id, stored.get());
                } else {
                    refuse(exchange, 404);
                }
            } catch (SQLException e) {
                log.warn("{} Claim-check {} cannot be read: {}", Code.PAYLOAD_NOT_READ, id, DatabaseFailure.of(e));
                if (exchange.getResponseCode() < 0) {
                    refuse(exchange, 503);
                }
            }
        } catch (IOException | RuntimeException e) {
            log.debug("Claim-check {} was not passed on", id, e);
        }
    }

    private void send(HttpExchange exchange, String id, ClaimCheckTable.Stored stored)
            throws SQLException, IOException {
        Headers headers = exchange.getResponseHeaders();
        headers.set("Content-Type", "application/octet-stream");
        headers.set(ClaimCheck.HEADER_SHA256, stored.sha256());
        long size = stored.size();
        // The first part is read before the answer begins: a failure can still be told.
        byte[] part = size == 0 ? new byte[0] : part(id, 0);
        exchange.sendResponseHeaders(200, size == 0 ? -1 : size);
        if (size == 0) {
            return;
        }
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(part);
            for (long sent = part.length; sent < size; sent += part.length) {
                part = part(id, sent);
                out.write(part);
            }
        }
    }

    /** One that is deleted meanwhile breaks the answer off, and the reader sees that it is too short. */
    private byte[] part(String id, long from) throws SQLException, IOException {
        byte[] part =
                table.part(id, from, PART_BYTES).orElseThrow(() -> new IOException("it was deleted while it was read"));
        if (part.length == 0) {
            throw new IOException("it ended early");
        }
        return part;
    }

    private static void secure(Headers headers) {
        headers.set("Cache-Control", "no-store");
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
        headers.set("Content-Disposition", "attachment");
        headers.set("Referrer-Policy", "no-referrer");
    }

    private static void refuse(HttpExchange exchange, int code) throws IOException {
        try (exchange) {
            exchange.sendResponseHeaders(code, -1);
        }
    }
}
