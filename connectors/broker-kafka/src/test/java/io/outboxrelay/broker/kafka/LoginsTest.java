package io.outboxrelay.broker.kafka;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Message;
import io.outboxrelay.testkit.CertificateAuthority;
import io.outboxrelay.testkit.IssuedCertificate;
import io.outboxrelay.testkit.SecureKafka;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Every way to log in, over TLS; each as the documents show it. */
@DisabledIfSystemProperty(named = "test.servers", matches = "docker")
class LoginsTest {

    private static final CertificateAuthority AUTHORITY = new CertificateAuthority("authority");

    private static final String LOGIN_MODULE = "org.apache.kafka.common.security.";

    @TempDir
    private static Path files;

    private static SecureKafka server;
    private static Path trusted;

    @BeforeAll
    static void start() throws Exception {
        server = new SecureKafka(Files.createDirectory(files.resolve("server")), AUTHORITY, List.of(AUTHORITY));
        trusted = Files.writeString(files.resolve("ca.crt"), AUTHORITY.certificatePem());
    }

    @AfterAll
    static void close() {
        if (server != null) {
            server.close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PLAIN,         plain.PlainLoginModule required username=relay password=s3cret;",
        "SCRAM-SHA-512, scram.ScramLoginModule required username=relay password=s3cret;",
        "OAUTHBEARER,   oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=relay;"
    })
    void aMessageIsStoredAfterALogIn(String mechanism, String jaas) throws Exception {
        publish(login(mechanism, LOGIN_MODULE + jaas));
    }

    @Test
    void aPasswordStaysInAFileThatIsReadEachTime() throws Exception {
        Path secrets = Files.writeString(files.resolve("kafka.properties"), "password=wrong");
        BrokerFactory broker = login(
                "SCRAM-SHA-512",
                LOGIN_MODULE + "scram.ScramLoginModule required username=relay password=\\\"${secret:" + secrets
                        + ":password}\\\";",
                "\"config.providers\" = secret",
                "config.providers.secret.class = org.apache.kafka.common.config.provider.FileConfigProvider");

        assertThat(broker.files()).containsExactlyInAnyOrder(trusted, secrets);
        assertThat(broker.check(Set.of())).singleElement().satisfies(finding -> {
            assertThat(finding.level()).isEqualTo(Finding.Level.ERROR);
            assertThat(finding.toString()).contains("Authentication failed").doesNotContain("wrong");
        });
        Files.writeString(secrets, "password=" + SecureKafka.PASSWORD);
        publish(broker);
    }

    @Test
    void aClientIsKnownByItsCertificate() throws Exception {
        IssuedCertificate certificate = AUTHORITY.issue("relay");
        Path keys = Files.writeString(files.resolve("keys.pem"), certificate.keyStorePem());
        server.allow("CN=relay");
        BrokerFactory broker = Brokers.at("""
                bootstrap-servers = "%s"
                client {
                  security.protocol = SSL
                  ssl.keystore { type = PEM, location = "%s" }
                  ssl.truststore { type = PEM, location = "%s" }
                }""".formatted(server.byCertificate(), keys, trusted));

        assertThat(broker.files()).containsExactlyInAnyOrder(keys, trusted);
        publish(broker);
    }

    @Test
    void aServerThatNobodyKnowsIsAnErrorWithARemedy() throws Exception {
        Path others =
                Files.writeString(files.resolve("others.crt"), new CertificateAuthority("another").certificatePem());
        BrokerFactory broker = Brokers.at("""
                bootstrap-servers = "%s"
                client { security.protocol = SSL, ssl.truststore { type = PEM, location = "%s" } }""".formatted(server.byCertificate(), others));

        assertThat(broker.check(Set.of())).singleElement().satisfies(finding -> {
            assertThat(finding.level()).isEqualTo(Finding.Level.ERROR);
            assertThat(finding.remedy()).contains("broker.kafka.client");
        });
    }

    private static BrokerFactory login(String mechanism, String jaas, String... more) {
        return Brokers.at("""
                bootstrap-servers = "%s"
                client {
                  security.protocol = SASL_SSL
                  ssl.truststore { type = PEM, location = "%s" }
                  sasl.mechanism = %s
                  sasl.jaas.config = "%s"
                  %s
                }""".formatted(server.byLogin(), trusted, mechanism, jaas, String.join("\n", more)));
    }

    private static void publish(BrokerFactory factory) throws Exception {
        String topic = "topic-" + UUID.randomUUID();
        server.createTopic(topic, 1, Map.of());
        assertThat(factory.check(Set.of(topic))).noneMatch(finding -> finding.level() == Finding.Level.ERROR);
        try (Broker broker = factory.open()) {
            broker.publish(new Message(topic, "k", new byte[] {1}, Map.of(), Instant.now()))
                    .toCompletableFuture()
                    .get(30, TimeUnit.SECONDS);
        }
    }
}
