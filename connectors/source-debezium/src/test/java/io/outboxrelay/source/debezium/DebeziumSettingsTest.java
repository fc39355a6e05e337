package io.outboxrelay.source.debezium;

import java.util.List;
import java.util.Map;

import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.api.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class DebeziumSettingsTest {

    @Test
    void theDefaultsAreWithoutFault() {
        assertThat(problems("")).isEmpty();
    }

    @Test
    void allFaultsAreFoundAtOnce() {
        assertThat(problems("""
                        slot = "Upper-Case"
                        publication = "a b"
                        existing-rows = relay
                        audit-after = 0s
                        heartbeat-interval = 5s
                        position-interval = soon
                        max-batch-rows = 5000
                        max-queue-rows = 5000
                        max-queue-bytes = 1k
                        properties { "acks" = 1, "snapshot.mode" = initial }
                        """))
                .extracting(Problem::path)
                .containsExactlyInAnyOrder(
                        "source.debezium.slot",
                        "source.debezium.publication",
                        "source.debezium.existing-rows",
                        "source.debezium.audit-after",
                        "source.debezium.heartbeat-interval",
                        "source.debezium.position-interval",
                        "source.debezium.max-queue-rows",
                        "source.debezium.max-queue-bytes",
                        "source.debezium.properties");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "offset.storage",
                "snapshot.mode",
                "slot.name",
                "slot.drop.on.stop",
                "flush.lsn.source",
                "lsn.flush.mode",
                "plugin.name",
                "publication.autocreate.mode",
                "transforms",
                "transforms.route.type",
                "column.mask.with.10.chars",
                "column.include.list",
                "table.include.list",
                "message.key.columns",
                "message.prefix.exclude.list",
                "skipped.operations",
                "skip.messages.without.change",
                "event.processing.failure.handling.mode",
                "event.converting.failure.handling.mode",
                "errors.max.retries",
                "heartbeat.interval.ms",
                "heartbeat.action.query",
                "max.queue.size",
                "tasks.max",
                "record.processing.order",
                "topic.prefix",
                "connector.class",
                "database.password",
                "driver.sslmode",
                "replica.identity.autoset.values"
            })
    void aPropertyThatWouldBreakThePromiseIsRefusedWithTheReason(String name) {
        List<Problem> problems = problems("properties { \"" + name + "\" = x }");

        assertThat(problems).singleElement().satisfies(problem -> {
            assertThat(problem.text()).contains("\"" + name + "\" is not allowed: ");
            assertThat(problem.text()).doesNotContain("= x");
        });
    }

    @Test
    void anExpertsPropertyReachesTheEngine() {
        Settings root =
                root("properties { \"status.update.interval.ms\" = 5000, schema { refresh { mode = columns_diff } } }");

        DebeziumSettings settings =
                DebeziumSettings.of(root.section("source").section("debezium"), AfterDelivery.DELETE);

        assertThat(root.problems()).isEmpty();
        assertThat(settings.properties())
                .isEqualTo(Map.of("status.update.interval.ms", "5000", "schema.refresh.mode", "columns_diff"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"skip", "refuse"})
    void rowsThatAreThereBeforeAreLeftOutOnlyWhereTheTableIsNoQueue(String existingRows) {
        assertThat(problems("existing-rows = " + existingRows))
                .extracting(Problem::path)
                .containsExactly("source.debezium.existing-rows");
        Settings root = root("existing-rows = " + existingRows);
        DebeziumSettings.of(root.section("source").section("debezium"), AfterDelivery.of(AfterDelivery.Action.KEEP));
        assertThat(root.problems()).isEmpty();
    }

    private static List<Problem> problems(String section) {
        Settings root = root(section);
        new DebeziumSourceProvider().configure(root.section("source").section("debezium"), AfterDelivery.DELETE);
        return root.problems();
    }

    private static Settings root(String section) {
        return Settings.of(ConfigFactory.parseString(section)
                .atPath("source.debezium")
                .withFallback(ConfigFactory.defaultReference())
                .resolve());
    }
}
