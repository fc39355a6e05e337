package io.outboxrelay.relay.tracing;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.relay.config.TracingSettings;
import io.outboxrelay.relay.delivery.EventSpan;
import io.outboxrelay.testkit.CertificateAuthority;
import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.IssuedCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.slf4j.LoggerFactory;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/** The export to something that speaks OTLP, and what happens where nothing does. */
@Execution(ExecutionMode.SAME_THREAD) // They hear what is logged.
class OtlpTracingTest {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    @BeforeEach
    void listen() {
        log.start();
        logger().setLevel(Level.INFO);
        logger().addAppender(log);
    }

    @AfterEach
    void listenNoMore() {
        logger().detachAppender(log);
        logger().setLevel(null);
    }

    @Test
    void spansArriveWithTheHeadersThatAreConfigured() throws Exception {
        try (OtlpReceiver receiver = OtlpReceiver.start();
                OtlpTracing tracing = OtlpTracing.open(settings(receiver.endpoint(), Optional.empty(), 512))) {
            send(tracing, 3);

            await("the export").atMost(PATIENCE).until(() -> receiver.spans().size() == 3);
            assertThat(receiver.spans()).allMatch(span -> span.getName().equals("send events"));
            assertThat(receiver.headers().get(0).getFirst("authorization")).isEqualTo("Bearer s3cret");
            assertThat(receiver.resource()).containsEntry("service.name", "relay");
        }
        assertThat(lines()).isEmpty();
    }

    @Test
    void whatEndedBeforeTheStopIsExportedAtTheStop() throws Exception {
        try (OtlpReceiver receiver = OtlpReceiver.start()) {
            try (OtlpTracing tracing = OtlpTracing.open(settings(receiver.endpoint(), Optional.empty(), 4096))) {
                send(tracing, 2000);
            }
            assertThat(receiver.spans()).hasSize(2000);
        }
    }

    @Test
    void withoutACollectorTheLogSaysItOnce() {
        String nowhere = "http://localhost:" + FreePorts.next();
        OtlpTracing tracing = OtlpTracing.open(settings(nowhere, Optional.empty(), 512, Duration.ZERO));
        try (tracing) {
            send(tracing, 512);
            await("the first batch is given up").atMost(PATIENCE).until(() -> !lines().isEmpty());
            send(tracing, 512);
        }
        assertThat(lines())
                .singleElement()
                .satisfies(line -> assertThat(line)
                        .startsWith("OR-7101 Spans cannot be exported to " + nowhere + "/v1/traces: ")
                        .contains("java.net.ConnectException"));
    }

    @Test
    void aRefusalIsToldByItsStatusAndItsEndByTheSpansThatWereLost() throws Exception {
        try (OtlpReceiver receiver = OtlpReceiver.start();
                OtlpTracing tracing = OtlpTracing.open(settings(receiver.endpoint(), Optional.empty(), 512))) {
            receiver.answer(401);
            send(tracing, 7);
            await("the refusal is told").atMost(PATIENCE).until(() -> lines().size() == 1);
            receiver.answer(200);
            send(tracing, 1);
            await("its end is told").atMost(PATIENCE).until(() -> lines().size() == 2);

            assertThat(receiver.spans()).hasSize(1);
            assertThat(lines().get(0)).contains("HTTP status code 401").doesNotContain("s3cret");
            assertThat(lines().get(1)).endsWith("again; 7 were lost");
        }
    }

    @Test
    void moreSpansThanMayWaitAreDroppedAndThatIsTold() throws Exception {
        try (OtlpReceiver receiver = OtlpReceiver.start();
                OtlpTracing tracing = OtlpTracing.open(settings(receiver.endpoint(), Optional.empty(), 512))) {
            // Faster than any export, so that the queue is full whenever one ends.
            await("spans are dropped").atMost(PATIENCE).until(() -> {
                send(tracing, 5_000);
                return !lines().isEmpty();
            });
            assertThat(lines().get(0)).startsWith("OR-7102 BatchSpanProcessor dropped ");
        }
    }

    @Test
    void theCollectorsOwnAuthorityIsTrustedIfItIsConfigured() throws Exception {
        CertificateAuthority authority = new CertificateAuthority("collectors");
        try (OtlpReceiver receiver = OtlpReceiver.start(identity(authority.issue("localhost")))) {
            try (OtlpTracing trusting =
                    OtlpTracing.open(settings(receiver.endpoint(), Optional.of(authority.certificatePem()), 512))) {
                send(trusting, 1);
                await("the export")
                        .atMost(PATIENCE)
                        .until(() -> receiver.spans().size() == 1);
            }
            try (OtlpTracing doubting = OtlpTracing.open(settings(receiver.endpoint(), Optional.empty(), 512))) {
                send(doubting, 1);
                await("the failure is told").atMost(PATIENCE).until(() -> !lines().isEmpty());
            }
            assertThat(lines().get(0)).contains("SSLHandshakeException");
            assertThat(receiver.spans()).hasSize(1);
        }
    }

    private static void send(OtlpTracing tracing, int events) {
        for (int i = 0; i < events; i++) {
            EventSpan span = tracing.spans()
                    .begin(
                            new OutboxEvent("e" + i, "order", "o1", "placed", null, "{}", Instant.EPOCH, null),
                            new Message("events", "key", null, Map.of(), Instant.EPOCH));
            span.sent();
            span.stored();
        }
    }

    private static TracingSettings settings(String endpoint, Optional<String> trusted, int queue) {
        return settings(endpoint, trusted, queue, PATIENCE);
    }

    private static TracingSettings settings(String endpoint, Optional<String> trusted, int queue, Duration flush) {
        return new TracingSettings(
                URI.create(endpoint + "/v1/traces"),
                Map.of("authorization", "Bearer s3cret"),
                trusted,
                "relay",
                Map.of(),
                "kafka",
                1,
                queue,
                Duration.ofSeconds(5),
                Duration.ofSeconds(10),
                flush);
    }

    private static SSLContext identity(IssuedCertificate issued) throws Exception {
        Certificate[] chain = CertificateFactory.getInstance("X.509")
                .generateCertificates(
                        new ByteArrayInputStream(issued.certificatePem().getBytes(US_ASCII)))
                .toArray(Certificate[]::new);
        byte[] key = Base64.getMimeDecoder()
                .decode(issued.keyPem().replaceAll("-----[A-Z ]+-----", "").strip());
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry(
                "collector",
                KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm())
                        .generatePrivate(new PKCS8EncodedKeySpec(key)),
                new char[0],
                chain);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    private List<String> lines() {
        synchronized (log) {
            return List.copyOf(log.list).stream()
                    .map(ILoggingEvent::getFormattedMessage)
                    .toList();
        }
    }

    private static Logger logger() {
        return (Logger) LoggerFactory.getLogger("io.outboxrelay.relay.tracing");
    }
}
