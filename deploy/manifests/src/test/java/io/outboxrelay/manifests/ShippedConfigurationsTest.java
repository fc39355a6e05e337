package io.outboxrelay.manifests;

import java.nio.file.Files;
import java.nio.file.Path;

import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/** Each configuration is read by the relay itself: what it does not know or take is an error. */
class ShippedConfigurationsTest {

    private final RelayConfigReader reader = RelayConfigReader.ofClassPath();

    @TempDir
    private Path folder;

    @Test
    void theOneOfKubernetesFindsThePasswordWhereTheSecretIsMounted() throws Exception {
        Path password = Files.writeString(folder.resolve("database-password"), "secret");
        String mounted = "/run/secrets/outbox-relay/database-password";
        String text = Deploy.text("kubernetes/base/outbox-relay.conf");
        assertThat(text).contains(mounted);

        RelayConfig config = read(text.replace(mounted, password.toString()));

        assertThat(config.database().password()).isEqualTo("secret");
        assertThat(config.database().host()).isEqualTo("shop-database");
        assertThat(config.admin().host()).isEqualTo("0.0.0.0");
        assertThat(config.shutdownTimeout()).hasSeconds(20);
    }

    @Test
    void theOneThatThePageOnDockerShowsIsRight() throws Exception {
        String page = Files.readString(Deploy.TOP.resolve("docs/deploy/docker.md"));
        String shown = page.substring(page.indexOf("```hocon\n") + 9);
        Path password = Files.writeString(folder.resolve("database-password"), "secret");

        RelayConfig config = read(shown.substring(0, shown.indexOf("```"))
                .replace("/run/secrets/outbox-relay/database-password", password.toString()));

        assertThat(config.database().password()).isEqualTo("secret");
    }

    @Test
    void theOneOfComposeTakesThePasswordFromTheEnvironment() throws Exception {
        RelayConfig config = read(Deploy.text("compose/outbox-relay.conf"));

        assertThat(config.database().password()).isEqualTo("of-the-test");
        assertThat(config.admin().host()).isEqualTo("0.0.0.0");
    }

    @Test
    void theOneOfSystemdTakesThePasswordFromItsCredentials() throws Exception {
        Path credentials = Files.createDirectories(Path.of(System.getenv("CREDENTIALS_DIRECTORY")));
        Files.writeString(credentials.resolve("database-password"), "credential");

        RelayConfig config = read(Deploy.text("systemd/outbox-relay.conf"));

        assertThat(config.database().password()).isEqualTo("credential");
        assertThat(Deploy.text("systemd/outbox-relay.service"))
                .contains("LoadCredential=database-password:")
                .contains("TimeoutStopSec=30s");
    }

    private RelayConfig read(String text) throws Exception {
        return reader.read(Files.writeString(folder.resolve("outbox-relay.conf"), text));
    }
}
