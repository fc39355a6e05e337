package io.outboxrelay.relay.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;

import io.outboxrelay.testkit.CertificateAuthority;
import io.outboxrelay.testkit.IssuedCertificate;
import io.outboxrelay.testkit.MountedSecret;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.SecureKafka;
import io.outboxrelay.testkit.SecurePostgres;
import io.outboxrelay.testkit.history.Verdict;
import io.outboxrelay.testkit.workload.Workload;
import io.outboxrelay.testkit.workload.WorkloadPlan;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

/** Postgres and Kafka that both ask for a certificate; and both certificates change under load. */
class CertificatesIT {

    private static final Logger log = LoggerFactory.getLogger(CertificatesIT.class);

    private static final String PASSWORD = "pa55word-that-nobody-may-read";

    @TempDir
    private Path files;

    private final CertificateAuthority first = new CertificateAuthority("first");
    private final CertificateAuthority second = new CertificateAuthority("second");

    private MountedSecret ofPostgres;
    private MountedSecret ofKafka;

    @Test
    void everyConnectionIsEncryptedAndCertificatesChangeWithoutALoss() throws Exception {
        assumeThat(System.getProperty("test.servers", "embedded")).isEqualTo("embedded");
        SecurePostgres rules = new SecurePostgres(directory("postgres"), first);
        ofPostgres = new MountedSecret(directory("postgres-client"), secret(first.issue("relay")));
        ofKafka = new MountedSecret(directory("kafka-client"), secret(first.issue("relay-1")));
        try (PostgresServer postgres = PostgresServer.start(rules.settings());
                SecureKafka kafka = new SecureKafka(directory("kafka"), first, List.of(first, second));
                Deployment deployment = Deployment.create(postgres, kafka)) {
            kafka.allow("CN=relay-1");
            kafka.allow("CN=relay-2");
            deployment.database().execute("CREATE ROLE relay LOGIN SUPERUSER PASSWORD '" + PASSWORD + "'");
            deployment.configure(secured(kafka));
            try (Workload workload =
                    deployment.startWorkload(WorkloadPlan.seeded(61).withEventsPerSecond(300))) {
                RelayProcess relay = deployment.startRelay();
                Deployment.awaitMore(workload, 300);
                requireEncrypted(deployment, "first", "backend_type = 'walsender'");

                ofKafka.replace(secret(second.issue("relay-2")));
                relay.awaitLine("changed: the broker is opened anew", Deployment.PATIENCE);
                Deployment.awaitMore(workload, 300);
                kafka.disallow("CN=relay-1");
                awaitAllDelivered(deployment, workload);
                assertThat(deployment.duplicates())
                        .as("sent twice by the exchange of brokers")
                        .isZero();

                ofPostgres.replace(secret(second.issue("relay")));
                rules.trust(second);
                deployment.query("SELECT pg_reload_conf()");
                postgres.terminateBackends("usename = 'relay'");
                relay.awaitLines("STREAMING", 2, Deployment.PATIENCE);
                Deployment.awaitMore(workload, 300);
                requireEncrypted(deployment, "second", "backend_type = 'walsender'");
                relay.terminate();
                assertThat(relay.awaitExit(Deployment.PATIENCE)).isZero();

                deployment.configure(secured(kafka) + "source { type = polling, polling.notify.enabled = true }\n");
                RelayProcess poller = deployment.startRelay();
                requireEncrypted(deployment, "second", "query LIKE 'LISTEN%'");

                Verdict verdict = deployment.judge(workload);
                log.info("TLS, both certificates changed: {}", verdict);
                verdict.requireCorrect();
                for (RelayProcess one : List.of(relay, poller)) {
                    assertThat(one.output())
                            .noneMatch(line -> line.contains(PASSWORD) || line.contains("PRIVATE KEY"))
                            .noneMatch(line -> line.contains("Halted"));
                }
            }
        }
    }

    private String secured(SecureKafka kafka) throws IOException {
        Path password = Files.writeString(files.resolve("password"), PASSWORD + "\n");
        return """
                database {
                  user = relay
                  password = null
                  password-file = "%s"
                  properties { sslmode = verify-full, sslrootcert = "%s", sslcert = "%s", sslkey = "%s" }
                }
                broker.kafka {
                  bootstrap-servers = "%s"
                  client {
                    security.protocol = SSL
                    "config.providers" = mounted
                    config.providers.mounted.class = org.apache.kafka.common.config.provider.DirectoryConfigProvider
                    ssl.keystore.type = PEM
                    ssl.keystore.certificate.chain = "${mounted:%6$s:tls.crt}"
                    ssl.keystore.key = "${mounted:%6$s:tls.key}"
                    ssl.truststore.type = PEM
                    ssl.truststore.certificates = "${mounted:%6$s:ca.crt}"
                  }
                }
                """.formatted(
                        password,
                        ofPostgres.file("ca.crt"),
                        ofPostgres.file("tls.crt"),
                        ofPostgres.file("tls.key"),
                        kafka.byCertificate(),
                        files.resolve("kafka-client"));
    }

    /** All that the relay has open, by the server's own account; among it such a session. */
    private static void requireEncrypted(Deployment deployment, String issuer, String such) throws SQLException {
        Awaitility.await("a session with " + such)
                .atMost(Deployment.PATIENCE)
                .until(() -> !"0".equals(deployment.query("SELECT count(*) " + sessions() + " AND " + such)));
        assertThat(deployment.query("SELECT count(*) " + sessions()
                        + " AND (NOT s.ssl OR s.version NOT IN ('TLSv1.2', 'TLSv1.3') OR s.issuer_dn <> '/CN=" + issuer
                        + "')"))
                .isEqualTo("0");
        // The lock's, the pool's, and the one that was waited for.
        assertThat(Integer.parseInt(deployment.query("SELECT count(*) " + sessions())))
                .isGreaterThanOrEqualTo(3);
    }

    private static String sessions() {
        return "FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.usename = 'relay'";
    }

    private static void awaitAllDelivered(Deployment deployment, Workload workload) {
        int committed = workload.committed();
        Awaitility.await("what was committed by now to be in the topic")
                .atMost(Deployment.PATIENCE)
                .until(() -> deployment.readAll().size() >= committed);
    }

    /** The servers' certificates stay those of the first authority. */
    private Map<String, String> secret(IssuedCertificate certificate) {
        return Map.of(
                "ca.crt", first.certificatePem(),
                "tls.crt", certificate.certificatePem(),
                "tls.key", certificate.keyPem());
    }

    private Path directory(String name) throws IOException {
        return Files.createDirectory(files.resolve(name));
    }
}
