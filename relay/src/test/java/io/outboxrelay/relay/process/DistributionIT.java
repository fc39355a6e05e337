package io.outboxrelay.relay.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class DistributionIT {

    /** 35 MB, of which more than half are Debezium and Kafka. */
    private static final long MOST_BYTES = 35_000_000;

    /** What the program needs, by what needs it. A jar that is new here is a decision. */
    private static final List<String> JARS = List.of(
            // The project's own
            "api",
            "broker-kafka",
            "outbox-schema",
            "postgres",
            "outbox-relay.jar",
            "source-debezium",
            "source-pgoutput",
            "source-polling",
            // Configuration, command line, log, pool, backoff
            "config",
            "picocli",
            "logback-classic",
            "logback-core",
            "slf4j-api",
            "HikariCP",
            "bucket4j_jdk17-core",
            "resilience4j-core",
            "resilience4j-circuitbreaker",
            "postgresql",
            // Metrics in the text format of Prometheus
            "micrometer-core",
            "micrometer-commons",
            "micrometer-observation",
            "micrometer-registry-prometheus",
            "prometheus-metrics-config",
            "prometheus-metrics-core",
            "prometheus-metrics-exposition-textformats",
            "prometheus-metrics-model",
            "prometheus-metrics-tracer-common",
            // Spans, where an endpoint for them is configured
            "opentelemetry-api",
            "opentelemetry-common",
            "opentelemetry-context",
            "opentelemetry-exporter-common",
            "opentelemetry-exporter-otlp",
            "opentelemetry-exporter-otlp-common",
            "opentelemetry-exporter-sender-jdk",
            "opentelemetry-sdk-common",
            "opentelemetry-sdk-trace",
            // Headers of rows and health as JSON; also what Debezium and Connect need
            "jackson-annotations",
            "jackson-core",
            "jackson-databind",
            "jackson-module-blackbird",
            // Debezium's engine and the part of Connect that it runs on
            "debezium-api",
            "debezium-config",
            "debezium-connector-common",
            "debezium-connector-postgres",
            "debezium-embedded",
            "debezium-openlineage-api",
            "debezium-util",
            "connect-api",
            "connect-json",
            "connect-runtime",
            "maven-artifact",
            "sketches-java",
            // Kafka's client and its codecs
            "kafka-clients",
            "lz4-java",
            "snappy-java",
            "zstd-jni");

    @Test
    void itHoldsTheJarsThatTheProgramNeedsAndNoOther() throws IOException {
        try (Stream<Path> jars = Files.list(Deployment.DISTRIBUTION.resolve("lib"))) {
            assertThat(jars.map(jar -> jar.getFileName().toString().replaceFirst("-\\d.*\\.jar$", "")))
                    .containsExactlyInAnyOrderElementsOf(JARS);
        }
    }

    @Test
    void itIsSmall() throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.walk(Deployment.DISTRIBUTION)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                bytes += Files.size(file);
            }
        }
        assertThat(bytes).isLessThan(MOST_BYTES);
    }

    @Test
    void besideTheJarsThereAreScriptConfigurationLicenceAndBillOfMaterials() throws IOException {
        try (Stream<Path> files = Files.walk(Deployment.DISTRIBUTION)) {
            assertThat(files.filter(Files::isRegularFile)
                            .map(file ->
                                    Deployment.DISTRIBUTION.relativize(file).toString())
                            .filter(file -> !file.startsWith("lib/")))
                    .containsExactlyInAnyOrder(
                            "bin/outbox-relay", "conf/outbox-relay.conf", "LICENSE", "sbom.cdx.json");
        }
        assertThat(Deployment.DISTRIBUTION.resolve("bin/outbox-relay")).isExecutable();
    }
}
