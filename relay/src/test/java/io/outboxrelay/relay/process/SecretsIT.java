package io.outboxrelay.relay.process;

import java.util.Map;
import java.util.stream.Collectors;

import io.outboxrelay.testkit.KafkaLogins;
import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class SecretsIT {

    private static final String PASSWORD = "pa55word-that-nobody-may-read";
    private static final String BROKER_PASSWORD = "br0ker-password-that-nobody-may-read";
    private static final String PAYLOAD = "payload-that-nobody-may-read";

    @Test
    void noPasswordAndNoPayloadReachesTheLogAtTheFinestLevel() throws Exception {
        KafkaLogins logins = new KafkaLogins(Map.of("relay", BROKER_PASSWORD));
        try (KafkaServer kafka = logins.start(
                        Map.of("super.users", "User:" + KafkaLogins.ADMIN + ";User:ANONYMOUS;User:relay"));
                Deployment deployment = Deployment.create(PostgresServer.shared(), kafka)) {
            String role = "r_" + deployment.database().address().name();
            deployment.database().execute("CREATE ROLE " + role + " LOGIN SUPERUSER PASSWORD '" + PASSWORD + "'");
            String client = logins.clientProperties("relay").entrySet().stream()
                    .map(property ->
                            property.getKey() + " = \"" + property.getValue().replace("\"", "\\\"") + "\"\n")
                    .collect(Collectors.joining());
            deployment.configure("database { user = " + role + ", password = \"" + PASSWORD + "\" }\n"
                    + "broker.kafka.client {\n" + client + "}\n");
            RelayProcess relay = deployment.startVerboseRelay();
            deployment.insert("k", PAYLOAD);
            deployment.insert(null, PAYLOAD);

            assertThat(deployment.read(1)).hasSize(1);
            relay.awaitLine("Halted", Deployment.PATIENCE);
            relay.terminate();
            relay.awaitExit(Deployment.PATIENCE);
            assertThat(relay.output())
                    .noneMatch(line ->
                            line.contains(PASSWORD) || line.contains(BROKER_PASSWORD) || line.contains(PAYLOAD));
            deployment.database().execute("DROP ROLE " + role);
        }
    }
}
