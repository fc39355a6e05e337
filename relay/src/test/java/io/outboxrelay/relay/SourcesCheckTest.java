package io.outboxrelay.relay;

import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.relay.config.SourceSettings;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** What is told of a source and its fallback together; with sources that find what the test says. */
class SourcesCheckTest {

    private final ScriptedSource log = new ScriptedSource(false);
    private final ScriptedSource table = new ScriptedSource(true);

    @Test
    void aFallbackThatWouldLoseEventsWithoutARowIsToldWithTheSettingAndTheRemedy() throws SQLException {
        log.eventsWithoutRow = Optional.of("source.pgoutput.message-prefix = outbox");

        SourcesCheck check = check(Optional.of(table));

        assertThat(check.findings()).extracting(Finding::code).containsExactly(Optional.of(Code.FALLBACK_LOSES_EVENTS));
        Finding finding = check.findings().get(0);
        assertThat(finding.level()).isEqualTo(Finding.Level.WARNING);
        assertThat(finding.subject()).isEqualTo("source.fallback");
        assertThat(finding.text())
                .contains("source.pgoutput.message-prefix = outbox")
                .contains("are lost");
        assertThat(finding.remedy()).startsWith("set source.fallback = none");
        assertThat(check.fallbackWorks()).isTrue();
    }

    @Test
    void withoutAFallbackEventsWithoutARowAreNotLost() throws SQLException {
        log.eventsWithoutRow = Optional.of("source.pgoutput.message-prefix = outbox");

        assertThat(check(Optional.empty()).findings()).isEmpty();
    }

    @Test
    void aFallbackThatHasARowOfEveryEventLosesNothing() throws SQLException {
        assertThat(check(Optional.of(table)).findings()).isEmpty();
    }

    @Test
    void anErrorOfTheFallbackIsAWarningWhileTheLogCanBeRead() throws SQLException {
        table.findings = List.of(Finding.error(Code.ORDER_COLUMN_MISSING, "seq", "there is none", "name one"));

        SourcesCheck check = check(Optional.of(table));

        assertThat(check.fallbackWorks()).isFalse();
        assertThat(check.findings())
                .containsExactly(Finding.warning(
                        Code.ORDER_COLUMN_MISSING,
                        "seq",
                        "there is none. Should the log be lost, the relay cannot go on from the table",
                        "name one; or set source.fallback = none"));
    }

    /** The sources that a test scripts ask no database. */
    private SourcesCheck check(Optional<ScriptedSource> fallback) throws SQLException {
        return SourcesCheck.of(
                new SourceSettings(log, fallback.map(source -> source), Duration.ZERO, OptionalLong.empty()), null);
    }
}
