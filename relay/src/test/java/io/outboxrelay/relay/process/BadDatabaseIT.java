package io.outboxrelay.relay.process;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.RelayProcess;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

class BadDatabaseIT {

    @ParameterizedTest(name = "{1}")
    @CsvSource(delimiter = '|', textBlock = """
                    ALTER TABLE outbox DROP COLUMN payload                                  | payload
                    ALTER PUBLICATION outbox_relay SET (publish = 'delete')                 | does not publish inserts
                    ALTER PUBLICATION outbox_relay DROP TABLE outbox                        | does not publish public.outbox
                    DROP TABLE outbox_relay_checkpoint                                      | outbox_relay_checkpoint not found
                    SELECT pg_create_logical_replication_slot(current_database(), 'test_decoding') | test_decoding
                    """)
    void withoutAFallbackWhatIsWrongIsOneLineWithTheRemedyAndTheRelayEndsWith1(String spoil, String told)
            throws Exception {
        try (Deployment deployment = Deployment.create(PostgresServer.shared(), KafkaServer.shared())) {
            deployment.configure("source.fallback = none\n");
            deployment.database().execute(spoil);
            RelayProcess relay = deployment.launchRelay();

            assertThat(relay.awaitExit(Deployment.PATIENCE)).isEqualTo(1);
            assertThat(relay.output())
                    .filteredOn(line -> line.contains(told) && line.contains("ERROR"))
                    .as("%s", relay.output())
                    .singleElement()
                    .asString()
                    .contains("Remedy: ");
            assertThat(relay.output()).noneMatch(line -> line.startsWith("\tat "));
        }
    }
}
