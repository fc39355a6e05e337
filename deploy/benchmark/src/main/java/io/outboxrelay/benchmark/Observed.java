package io.outboxrelay.benchmark;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What it costs a relay at rest to be looked at: processor time for one answer of the metrics and of what the status page
 * shows, and, because that is how often a page asks, its part of a processor at one question for each in a second. The first
 * answers, while the code is not compiled yet, do not count.
 *
 * @param answers how many of each are asked for
 */
record Observed(int answers) {

    private static final List<String> PATHS = List.of("/metrics", "/api/status", "/api/history");

    /** So many in a second: far more than anybody asks, and few enough to leave the machine idle between. */
    private static final Duration PAUSE = Duration.ofMillis(10);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        int port = freePort();
        HttpClient client = HttpClient.newHttpClient();
        List<Figure> figures = new ArrayList<>();
        try (SubjectProcess process = subject.with("admin.port = " + port).startReady(outbox)) {
            for (String path : PATHS) {
                costOf(client, address(port, path), process);
            }
            double idle = processorOf(process, () -> Thread.sleep(answers * PAUSE.toMillis()));
            figures.add(Figure.less("processor at rest", "% of one", idle / answers / PAUSE.toMillis() * 100));
            double all = 0;
            for (String path : PATHS) {
                double millis = Math.max(0, costOf(client, address(port, path), process) - idle) / answers;
                figures.add(Figure.less("an answer of " + path, "ms", millis));
                all += millis;
            }
            figures.add(Figure.less("all three, once a second", "% of one", all / 10));
            process.stop();
        }
        return figures;
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    /** Milliseconds of processor time for so many answers, and for the pauses between them. */
    private double costOf(HttpClient client, URI address, SubjectProcess process)
            throws IOException, InterruptedException {
        return processorOf(process, () -> {
            for (int i = 0; i < answers; i++) {
                ask(client, address);
                Thread.sleep(PAUSE.toMillis());
            }
        });
    }

    private static double processorOf(SubjectProcess process, Work work) throws IOException, InterruptedException {
        double before = process.processorSeconds();
        work.run();
        return (process.processorSeconds() - before) * 1e3;
    }

    private static void ask(HttpClient client, URI address) throws IOException, InterruptedException {
        int status = client.send(HttpRequest.newBuilder(address).build(), BodyHandlers.discarding())
                .statusCode();
        if (status != 200) {
            throw new IllegalStateException(address + " answered " + status);
        }
    }

    private static URI address(int port, String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
