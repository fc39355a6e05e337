package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;

/**
 * A Kafka with every way in: over TLS with a certificate ({@link #byCertificate}), over TLS with a log-in by PLAIN, SCRAM
 * or OAUTHBEARER ({@link #byLogin}), and, for the test itself, {@link #bootstrapServers}, where nobody is asked. Who is let
 * in may do what it was {@linkplain #allow allowed} to, and nothing else. Needs embedded servers.
 */
public final class SecureKafka implements KafkaServer {

    /** The password of every user. */
    public static final String PASSWORD = "s3cret";

    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int SCRAM_ITERATIONS = 4096;

    private final int open = FreePorts.next();
    private final int tls = FreePorts.next();
    private final int sasl = FreePorts.next();
    private final KafkaServer server;

    /**
     * Starts it.
     *
     * @param directory for its files; exists
     * @param authority has issued the server's certificate
     * @param trusted what it accepts clients' certificates of
     */
    public SecureKafka(Path directory, CertificateAuthority authority, List<CertificateAuthority> trusted) {
        Path keys = directory.resolve("kafka-server.pem");
        Path clients = directory.resolve("kafka-clients.pem");
        StringBuilder authorities = new StringBuilder();
        trusted.forEach(one -> authorities.append(one.certificatePem()));
        try {
            Files.writeString(keys, authority.issue("kafka").keyStorePem());
            Files.writeString(clients, authorities);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        int brokerPort = FreePorts.next();
        int controllerPort = FreePorts.next();
        String advertised = "OPEN://localhost:" + open + ",TLS://localhost:" + tls + ",SASL://localhost:" + sasl
                + ",BROKER://localhost:" + brokerPort;
        server = KafkaServer.start(Map.ofEntries(
                Map.entry("controller.quorum.voters", "1@localhost:" + controllerPort),
                Map.entry("listeners", advertised + ",CONTROLLER://localhost:" + controllerPort),
                Map.entry("advertised.listeners", advertised),
                Map.entry(
                        "listener.security.protocol.map",
                        "OPEN:PLAINTEXT,TLS:SSL,SASL:SASL_SSL,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"),
                Map.entry("ssl.keystore.type", "PEM"),
                Map.entry("ssl.keystore.location", keys.toString()),
                Map.entry("ssl.truststore.type", "PEM"),
                Map.entry("ssl.truststore.location", clients.toString()),
                Map.entry("listener.name.tls.ssl.client.auth", "required"),
                Map.entry("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-512,OAUTHBEARER"),
                Map.entry(
                        "listener.name.sasl.plain.sasl.jaas.config",
                        "org.apache.kafka.common.security.plain.PlainLoginModule required user_relay=\"" + PASSWORD
                                + "\";"),
                Map.entry(
                        "listener.name.sasl.scram-sha-512.sasl.jaas.config",
                        "org.apache.kafka.common.security.scram.ScramLoginModule required;"),
                // Takes tokens that nobody has signed.
                Map.entry(
                        "listener.name.sasl.oauthbearer.sasl.jaas.config",
                        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;"),
                Map.entry("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
                Map.entry("super.users", "User:ANONYMOUS")));
        ask(admin -> admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(
                        "relay", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, SCRAM_ITERATIONS), PASSWORD)))
                .all()
                .get(LIMIT.toSeconds(), TimeUnit.SECONDS));
        allow("relay");
    }

    @Override
    public String bootstrapServers() {
        return "localhost:" + open;
    }

    /** Where clients show a certificate; its whole name is who they are, as {@code CN=relay}. */
    public String byCertificate() {
        return "localhost:" + tls;
    }

    /** Where clients log in, as {@code relay} with {@link #PASSWORD} or an unsigned token. */
    public String byLogin() {
        return "localhost:" + sasl;
    }

    /** Lets a user do all to all topics. */
    public void allow(String user) {
        AclBinding all = new AclBinding(
                new ResourcePattern(ResourceType.TOPIC, "*", PatternType.LITERAL),
                new AccessControlEntry("User:" + user, "*", AclOperation.ALL, AclPermissionType.ALLOW));
        ask(admin -> admin.createAcls(List.of(all)).all().get(LIMIT.toSeconds(), TimeUnit.SECONDS));
    }

    /** Takes that back. */
    public void disallow(String user) {
        AclBindingFilter all = new AclBindingFilter(
                ResourcePatternFilter.ANY,
                new AccessControlEntryFilter("User:" + user, null, AclOperation.ANY, AclPermissionType.ANY));
        ask(admin -> admin.deleteAcls(List.of(all)).all().get(LIMIT.toSeconds(), TimeUnit.SECONDS));
    }

    @Override
    public void stop() {
        server.stop();
    }

    @Override
    public void restart() {
        server.restart();
    }

    @Override
    public void close() {
        server.close();
    }

    private interface Question {
        Object of(Admin admin) throws ExecutionException, InterruptedException, TimeoutException;
    }

    private void ask(Question question) {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers()))) {
            question.of(admin);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("Kafka did not do what was asked of it", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
