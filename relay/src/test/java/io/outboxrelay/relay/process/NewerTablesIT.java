package io.outboxrelay.relay.process;

import java.util.List;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import io.outboxrelay.testkit.StoredRecord;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** What an upgrade rests on: the migrations of the next version run first, while this version goes on reading. */
class NewerTablesIT {

    private static final List<String> TABLES = List.of(
            "outbox",
            "outbox_relay_checkpoint",
            "outbox_relay_request",
            "outbox_relay_partition",
            "outbox_dead_letter",
            "outbox_claim_check");

    @Test
    void aRelayThatRunsIsNotDisturbedByTablesAndColumnsOfTheNextVersion() throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("delivery.on-rejected = park-key\n");
            RelayProcess before = deployment.launchRelay();
            before.awaitLine(
                    "STREAMING", Deployment.PATIENCE); // It may poll until other tests' transactions have ended.
            deployment.insert("a", "1");
            assertThat(deployment.read(1)).extracting(StoredRecord::text).containsExactly("\"1\"");
            int linesBefore = before.output().size();

            for (String table : TABLES) {
                deployment
                        .database()
                        .execute("ALTER TABLE " + table + " ADD COLUMN of_the_next_version text DEFAULT 'x'");
            }
            deployment.database().execute("CREATE TABLE outbox_relay_of_the_next_version (id bigint)");
            deployment.insert("a", "2");
            assertThat(deployment.read(2)).extracting(StoredRecord::text).containsExactly("\"1\"", "\"2\"");

            before.terminate();
            assertThat(before.awaitExit(Deployment.PATIENCE)).isZero();
            RelayProcess after = deployment.startRelay();
            deployment.database().execute("""
                    INSERT INTO outbox (aggregate_type, aggregate_id, type, payload) VALUES ('order', 'b', NULL, '{}')
                    """);
            after.awaitLine("OR-6002 Putting event", Deployment.PATIENCE);
            deployment.insert("a", "3");

            assertThat(deployment.read(3)).extracting(StoredRecord::text).containsExactly("\"1\"", "\"2\"", "\"3\"");
            assertThat(before.output().subList(linesBefore, before.output().size()))
                    .noneMatch(
                            line -> line.contains("RETRYING") || line.contains("POLLING") || line.contains(" ERROR "));
        }
    }
}
