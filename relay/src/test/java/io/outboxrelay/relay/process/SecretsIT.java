package io.outboxrelay.relay.process;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class SecretsIT {

    private static final String PASSWORD = "pa55word-that-nobody-may-read";
    private static final String PAYLOAD = "payload-that-nobody-may-read";

    @Test
    void noPasswordAndNoPayloadReachesTheLogAtTheFinestLevel() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            String role = "r_" + deployment.database().address().name();
            deployment.database().execute("CREATE ROLE " + role + " LOGIN SUPERUSER PASSWORD '" + PASSWORD + "'");
            deployment.configure("database { user = " + role + ", password = \"" + PASSWORD + "\" }\n");
            RelayProcess relay = deployment.startVerboseRelay();
            deployment.insert("k", PAYLOAD);
            deployment.insert(null, PAYLOAD);

            assertThat(deployment.read(1)).hasSize(1);
            relay.awaitLine("Halted", Deployment.PATIENCE);
            relay.terminate();
            relay.awaitExit(Deployment.PATIENCE);
            assertThat(relay.output()).noneMatch(line -> line.contains(PASSWORD) || line.contains(PAYLOAD));
            deployment.database().execute("DROP ROLE " + role);
        }
    }
}
