package io.outboxrelay.benchmark;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A drain of the relay while metrics and what the status page shows are asked for once a second. */
record Observed(Rows rows) {

    private static final List<String> PATHS = List.of("/metrics", "/api/status");
    private static final Duration EVERY = Duration.ofSeconds(1);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        int port = freePort();
        AtomicInteger answers = new AtomicInteger();
        subject.prepare(outbox);
        outbox.commit(rows);
        Thread observer = new Thread(() -> observe(port, answers), "observer");
        observer.start();
        try {
            List<Figure> figures = new Drain(rows).drain(subject.with("admin.port = " + port), outbox);
            if (answers.get() == 0) {
                throw new IllegalStateException("nothing was answered at port " + port + "; take more events");
            }
            return figures;
        } finally {
            observer.interrupt();
            observer.join();
        }
    }

    private static void observe(int port, AtomicInteger answers) {
        HttpClient client = HttpClient.newHttpClient();
        try {
            while (true) {
                Thread.sleep(EVERY.toMillis());
                for (String path : PATHS) {
                    ask(client, URI.create("http://127.0.0.1:" + port + path), answers);
                }
            }
        } catch (InterruptedException end) {
            Thread.currentThread().interrupt();
        }
    }

    private static void ask(HttpClient client, URI address, AtomicInteger answers) throws InterruptedException {
        try {
            int status = client.send(HttpRequest.newBuilder(address).build(), BodyHandlers.discarding())
                    .statusCode();
            if (status == 200) {
                answers.incrementAndGet();
            }
        } catch (IOException nobodyAnswers) {
            // As it must be before the process listens, and after its end. That somebody answers at all is required
            // above.
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
