package io.outboxrelay.relay.command;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.relay.admin.AdminServer;
import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.config.AdminSettings;
import io.outboxrelay.relay.config.AdminTls;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.testkit.CertificateAuthority;
import io.outboxrelay.testkit.FreePorts;
import io.outboxrelay.testkit.IssuedCertificate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class HealthCommandTest {

    @TempDir
    private Path directory;

    @Test
    void readyIsZeroAndNotReadyIsOne() throws Exception {
        try (AnsweringPort port = AnsweringPort.open()) {
            port.answer(
                    "/health/ready",
                    200,
                    "{\"state\":\"STREAMING\",\"since\":\"2026-03-01T12:00:00Z\",\"reason\":\"\"}");
            assertThat(health(port)).isEqualTo(new Terminal(0, "ready: STREAMING since 2026-03-01T12:00:00Z\n", ""));

            port.answer(
                    "/health/ready",
                    503,
                    "{\"state\":\"WAITING\",\"since\":\"2026-03-01T12:00:00Z\",\"reason\":\"no broker\"}");
            assertThat(health(port))
                    .isEqualTo(new Terminal(1, "not ready: WAITING since 2026-03-01T12:00:00Z: no broker\n", ""));
        }
    }

    @Test
    void liveIsAQuestionOfItsOwn() throws Exception {
        try (AnsweringPort port = AnsweringPort.open()) {
            port.answer("/health/ready", 503, "{\"state\":\"WAITING\"}");
            port.answer("/health/live", 200, "{\"state\":\"WAITING\"}");

            assertThat(health(port, "--live")).isEqualTo(new Terminal(0, "live: WAITING\n", ""));
        }
    }

    @Test
    void programsGetTheWholeAnswer() throws Exception {
        try (AnsweringPort port = AnsweringPort.open()) {
            port.answer(
                    "/health/ready", 503, "{\"state\":\"WAITING\",\"checks\":[{\"name\":\"broker\",\"ok\":false}]}");

            Terminal health = health(port, "--output", "json");

            assertThat(health.exitCode()).isEqualTo(1);
            assertThat(health.json().path("ready").booleanValue()).isFalse();
            assertThat(health.json().path("checks").path(0).path("name").textValue())
                    .isEqualTo("broker");
        }
    }

    @Test
    void aRelayThatSpeaksTlsIsAskedThatWayAndNoOtherCertificateIsTaken() throws Exception {
        CertificateAuthority authority = new CertificateAuthority("operators");
        IssuedCertificate relay = authority.issue("relay");
        Path certificate = Files.writeString(directory.resolve("relay.crt"), relay.certificatePem());
        Path key = Files.writeString(directory.resolve("relay.key"), relay.keyPem());
        Path other = Files.writeString(
                directory.resolve("other.crt"), authority.issue("other").certificatePem());
        int port = FreePorts.next();
        Health health = new Health();
        try (AdminServer server = AdminServer.start(
                new AdminSettings(
                        true,
                        "127.0.0.1",
                        port,
                        Duration.ofSeconds(10),
                        AdminAccess.READING,
                        Optional.of(new AdminTls(certificate, key))),
                health,
                new Metrics(health))) {
            assertThat(server.port()).isEqualTo(port);
            String text = "admin { host = 127.0.0.1, port = " + port + ", tls { key = \"" + key + "\", certificate = ";

            assertThat(run(text + "\"" + certificate + "\" } }").out()).startsWith("not ready: STARTING since ");
            assertThat(run(text + "\"" + other + "\" } }").out())
                    .startsWith("not ready: nobody answers at https://127.0.0.1:" + port);
        }
    }

    @Test
    void whereNobodyAnswersItIsNotReady() throws Exception {
        AnsweringPort gone = AnsweringPort.open();
        gone.close();

        Terminal health = health(gone);

        assertThat(health.exitCode()).isEqualTo(1);
        assertThat(health.out())
                .startsWith("not ready: nobody answers at http://127.0.0.1:" + gone.number() + "/health/ready: ");
    }

    @Test
    void somethingElseAtThePortIsNoRelay() throws Exception {
        try (AnsweringPort port = AnsweringPort.open()) {
            assertThat(health(port).out()).startsWith("not ready: the answer, with status 404, is not that of a relay");
        }
    }

    @Test
    void aPortThatNobodyKnowsCannotBeAsked() throws Exception {
        assertThat(run("admin.port = 0").out())
                .isEqualTo("not ready: admin.port is 0, so nobody knows which port to ask\n");
        assertThat(run("admin.enabled = false").out())
                .isEqualTo("not ready: admin.enabled is false, so there is nothing to ask\n");
    }

    @Test
    void aWrongSectionIsAWrongConfiguration() throws Exception {
        assertThat(run("admin.port = 70000").exitCode()).isEqualTo(2);
        assertThat(run("admin.port = 70000").err()).contains("admin.port (relay.conf:1): is \"70000\"");
    }

    private Terminal health(AnsweringPort port, String... more) throws IOException {
        return run("admin { host = 0.0.0.0, port = " + port.number() + " }", more);
    }

    private Terminal run(String text, String... more) throws IOException {
        Path file = Files.write(directory.resolve("relay.conf"), text.getBytes(StandardCharsets.UTF_8));
        String[] arguments = new String[more.length + 3];
        arguments[0] = "health";
        arguments[1] = "--config";
        arguments[2] = file.toString();
        System.arraycopy(more, 0, arguments, 3, more.length);
        return Terminal.run(arguments);
    }
}
