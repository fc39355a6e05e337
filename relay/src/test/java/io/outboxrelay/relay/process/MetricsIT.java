package io.outboxrelay.relay.process;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** {@code docs/metrics.md} against a relay that runs. */
class MetricsIT {

    private static final Path PAGE = Path.of("..", "docs", "metrics.md");

    private static final Pattern ROW = Pattern.compile("\\| `(\\w+)` \\| (\\w+) \\|([^|]*)\\|.*");
    private static final Pattern TYPE = Pattern.compile("# TYPE (\\w+) (\\w+)");
    private static final Pattern SAMPLE = Pattern.compile("(\\w+?)(?:_bucket|_sum|_count)?(?:\\{(.*)})? \\S+");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=\"");

    /** They begin with the first collection. */
    private static final Set<String> LATER = Set.of("jvm_gc_pause_seconds", "jvm_gc_pause_seconds_max");

    /** By name: type and labels, as {@code gauge [state]}. */
    @Test
    void theDocumentedMetricsAreThoseOfARunningRelay() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            int port = FreePorts.next();
            deployment.configure("admin.port = " + port + "\n");
            deployment.startRelay();
            deployment.insert("k", "one");
            deployment.read(1);
            String text = Awaitility.await("what the database tells, and the event that is stored")
                    .atMost(Deployment.PATIENCE)
                    .until(
                            () -> scrape(port),
                            scraped -> scraped.contains("outbox_relay_slot_active 1.0")
                                    && scraped.contains("outbox_relay_published_events_total{")
                                    && scraped.contains("outbox_relay_leader 1.0"));

            Map<String, String> found = found(text);
            Map<String, String> documented = documented();
            LATER.forEach(name -> found.putIfAbsent(name, documented.get(name)));
            assertThat(found).isEqualTo(documented);
        }
    }

    private static String scrape(int port) throws IOException, InterruptedException {
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
    }

    private static Map<String, String> documented() throws IOException {
        Map<String, String> metrics = new TreeMap<>();
        for (String line : Files.readAllLines(PAGE)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                Set<String> labels = Arrays.stream(row.group(3).split(",", -1))
                        .map(label -> label.strip().replace("`", ""))
                        .filter(label -> !label.isEmpty())
                        .collect(Collectors.toCollection(TreeSet::new));
                metrics.put(row.group(1), row.group(2) + " " + labels);
            }
        }
        return metrics;
    }

    private static Map<String, String> found(String text) {
        Map<String, String> types = new TreeMap<>();
        Map<String, Set<String>> labels = new TreeMap<>();
        for (String line : text.lines().toList()) {
            Matcher type = TYPE.matcher(line);
            Matcher sample = SAMPLE.matcher(line);
            if (type.matches()) {
                types.put(type.group(1), type.group(2));
            } else if (sample.matches()) {
                Set<String> names = labels.computeIfAbsent(sample.group(1), added -> new TreeSet<>());
                if (sample.group(2) != null) {
                    LABEL.matcher(sample.group(2))
                            .results()
                            .map(label -> label.group(1))
                            .forEach(names::add);
                }
            }
        }
        Map<String, String> metrics = new TreeMap<>();
        types.forEach((name, type) -> {
            Set<String> names = labels.getOrDefault(name, new TreeSet<>());
            if (type.equals("histogram")) {
                names.remove("le");
            }
            metrics.put(name, type + " " + names);
        });
        return metrics;
    }
}
