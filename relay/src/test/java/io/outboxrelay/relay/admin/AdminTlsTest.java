package io.outboxrelay.relay.admin;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.config.AdminSettings;
import io.outboxrelay.relay.config.AdminTls;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.testkit.CertificateAuthority;
import io.outboxrelay.testkit.IssuedCertificate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

class AdminTlsTest {

    @TempDir
    private Path folder;

    private final CertificateAuthority authority = new CertificateAuthority("operators");
    private final Health health = new Health();
    private Path certificate;
    private Path key;

    @BeforeEach
    void issue() throws IOException {
        certificate = folder.resolve("admin.crt");
        key = folder.resolve("admin.key");
        write(authority.issue("first"));
    }

    @Test
    void itSpeaksTlsAndNoticesANewCertificateAndKeepsTheFormerBeforeABadOne() throws Exception {
        try (AdminServer server = start()) {
            assertThat(nameShown(server)).isEqualTo("CN=first");

            write(authority.issue("second"));
            await("new connections see the new certificate")
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> nameShown(server).equals("CN=second"));

            Files.writeString(certificate, "no certificate");
            Files.writeString(key, "no key");
            await("the bad files were looked at")
                    .pollDelay(Duration.ofSeconds(3))
                    .atMost(Duration.ofSeconds(60))
                    .until(() -> nameShown(server).equals("CN=second"));
        }
    }

    @Test
    void filesThatCannotBeUsedAreNamedWithTheirSettingAndWithoutTheirContent() throws Exception {
        Files.writeString(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nsecret\n-----END ENCRYPTED PRIVATE KEY-----\n");
        assertThatThrownBy(this::start)
                .hasMessage("admin.tls.key: " + key + " holds no private key in PKCS #8 that is not encrypted;"
                        + " make one with openssl pkcs8 -topk8 -nocrypt");

        write(authority.issue("first"));
        Files.writeString(key, authority.issue("other").keyPem());
        assertThatThrownBy(this::start).hasMessageContaining("admin.tls.key: is no key of the certificate");

        Files.delete(certificate);
        assertThatThrownBy(this::start)
                .hasMessage("admin.tls.certificate: cannot read " + certificate + " (NoSuchFileException)");
    }

    private AdminServer start() throws IOException {
        return AdminServer.start(
                new AdminSettings(
                        true,
                        "127.0.0.1",
                        0,
                        Duration.ofSeconds(3),
                        AdminAccess.READING,
                        Optional.of(new AdminTls(certificate, key))),
                health,
                new Metrics(health));
    }

    private void write(IssuedCertificate issued) throws IOException {
        Files.writeString(key, issued.keyPem());
        Files.writeString(certificate, issued.certificatePem());
    }

    private String nameShown(AdminServer server) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry(
                "authority",
                CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(
                                authority.certificatePem().getBytes(US_ASCII))));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        HttpResponse<String> answer = HttpClient.newBuilder()
                .sslContext(context)
                .build()
                .send(
                        HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + server.port() + "/health/live"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).isEqualTo(200);
        return ((X509Certificate) answer.sslSession().orElseThrow().getPeerCertificates()[0])
                .getSubjectX500Principal()
                .getName();
    }
}
