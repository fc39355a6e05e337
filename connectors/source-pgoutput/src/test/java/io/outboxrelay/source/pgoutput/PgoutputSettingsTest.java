package io.outboxrelay.source.pgoutput;

import java.util.List;

import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.api.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class PgoutputSettingsTest {

    @Test
    void theDefaultsAreWithoutFault() {
        assertThat(problems("")).isEmpty();
    }

    @Test
    void allFaultsAreFoundAtOnce() {
        assertThat(problems("""
                        slot = "Upper-Case"
                        publication = "%s"
                        existing-rows = relay
                        audit-after = 0s
                        status-interval = 5s
                        position-interval = soon
                        progress-timeout = 1s
                        max-batch-rows = 0
                        max-batch-bytes = 1k
                        """.formatted("x".repeat(64))))
                .extracting(Problem::path)
                .containsExactlyInAnyOrder(
                        "source.pgoutput.slot",
                        "source.pgoutput.publication",
                        "source.pgoutput.existing-rows",
                        "source.pgoutput.audit-after",
                        "source.pgoutput.status-interval",
                        "source.pgoutput.position-interval",
                        "source.pgoutput.progress-timeout",
                        "source.pgoutput.max-batch-rows",
                        "source.pgoutput.max-batch-bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"skip", "refuse"})
    void rowsThatAreThereBeforeAreLeftOutOnlyWhereTheTableIsNoQueue(String existingRows) {
        assertThat(problems("existing-rows = " + existingRows))
                .extracting(Problem::path)
                .containsExactly("source.pgoutput.existing-rows");
        Settings root = root("existing-rows = " + existingRows);
        PgoutputSettings.of(root.section("source").section("pgoutput"), AfterDelivery.of(AfterDelivery.Action.KEEP));
        assertThat(root.problems()).isEmpty();
    }

    @Test
    void withAPrefixThereAreEventsThatHaveNoRow() {
        assertThat(factory("message-prefix = outbox").eventsWithoutRow())
                .contains("source.pgoutput.message-prefix = outbox");
        assertThat(factory("").eventsWithoutRow()).isEmpty();
    }

    private static SourceFactory factory(String section) {
        return new PgoutputSourceProvider()
                .configure(root(section).section("source").section("pgoutput"), AfterDelivery.DELETE);
    }

    private static List<Problem> problems(String section) {
        Settings root = root(section);
        new PgoutputSourceProvider().configure(root.section("source").section("pgoutput"), AfterDelivery.DELETE);
        return root.problems();
    }

    private static Settings root(String section) {
        return Settings.of(ConfigFactory.parseString(section)
                .atPath("source.pgoutput")
                .withFallback(ConfigFactory.defaultReference())
                .resolve());
    }
}
