package io.outboxrelay.manifests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

class UnitFileTest {

    private static final String SCRIPT = "/opt/outbox-relay/bin/outbox-relay";

    @TempDir
    private Path folder;

    @Test
    void itStartsTheScriptOfTheDistribution() throws IOException {
        assertThat(Deploy.text("systemd/outbox-relay.service"))
                .contains("ExecStart=" + SCRIPT + " run --config /etc/outbox-relay/outbox-relay.conf\n");
        assertThat(Deploy.TOP.resolve("relay/src/dist/bin/outbox-relay")).isExecutable();
    }

    @Test
    void systemdUnderstandsAllOfIt() throws Exception {
        assumeThat(Deploy.has("systemd-analyze")).isTrue();
        // What is to be started need not be installed here.
        Path unit = Files.writeString(
                folder.resolve("outbox-relay.service"),
                Deploy.text("systemd/outbox-relay.service").replace(SCRIPT, "/bin/true"));

        assertThat(Deploy.output("sh", "-c", "systemd-analyze verify " + unit + " 2>&1"))
                .isEmpty();
    }
}
