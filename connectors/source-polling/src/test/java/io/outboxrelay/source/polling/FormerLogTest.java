package io.outboxrelay.source.polling;

import java.sql.SQLException;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.OutboxFixture;
import io.outboxrelay.testkit.PostgresServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

/** The slot of a relay that read the log is dropped, or named, whatever the poller's role may see. */
class FormerLogTest {

    private OutboxFixture outbox;
    private String slot;

    @BeforeEach
    void createOutbox() throws SQLException {
        outbox = OutboxFixture.create(PostgresServer.shared().createDatabase());
        slot = outbox.slot();
        // Roles belong to the whole server: this one has a name of its own.
        outbox.execute(SchemaScript.POLLING_ROLE
                        .sql()
                        .replace("TO outbox_relay;", "TO " + slot + ";")
                        .replace("ROLE outbox_relay ", "ROLE " + slot + " ")
                + "ALTER ROLE " + slot + " PASSWORD 'secret'");
    }

    @AfterEach
    void drop() throws SQLException {
        outbox.execute("DROP OWNED BY " + slot + "; DROP ROLE " + slot);
        outbox.close();
    }

    @Test
    void whereNoRelayReadTheLogNothingIsSaid() throws SQLException {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");

        assertThat(FormerLog.giveUp(asPoller())).isEmpty();
    }

    @Test
    void thePollersRoleGivesThePositionUpAndNamesTheSlotThatItMayNotDrop() throws SQLException {
        readFromTheLog("streaming");

        assertThat(FormerLog.giveUp(asPoller()))
                .extracting(Finding::level, Finding::subject, Finding::remedy)
                .containsExactly(tuple(
                        Finding.Level.WARNING, "slot " + slot, "SELECT pg_drop_replication_slot('" + slot + "');"));
        assertThat(outbox.query("SELECT phase FROM outbox_relay_checkpoint")).isEqualTo("handover");
    }

    @Test
    void aSlotThatWasLeftBehindIsNamedAtEveryStartUntilItsRemedyIsRun() throws SQLException {
        readFromTheLog("handover");

        Finding left = FormerLog.giveUp(asPoller()).get(0);

        assertThat(left.subject()).isEqualTo("slot " + slot);
        assertThat(left.text()).containsPattern("keeps \\d+ \\w+ of log");
        outbox.execute(left.remedy());
        assertThat(FormerLog.giveUp(asPoller())).isEmpty();
    }

    @Test
    void withoutARightOnTheCheckpointTheSlotsThatMayPinLogAreNamed() throws SQLException {
        readFromTheLog("streaming");
        outbox.execute("REVOKE ALL ON outbox_relay_checkpoint FROM " + slot);

        Finding warning = FormerLog.giveUp(asPoller()).get(0);

        assertThat(warning.level()).isEqualTo(Finding.Level.WARNING);
        assertThat(warning.text())
                .contains("cannot be seen whether a relay read the log of public.outbox")
                .contains("permission denied for table outbox_relay_checkpoint")
                .containsPattern(slot + " \\(\\d+ \\w+\\)");
        assertThat(warning.remedy())
                .contains("SELECT pg_drop_replication_slot('" + slot + "');")
                .contains("GRANT SELECT, INSERT, UPDATE, DELETE ON \"public\".outbox_relay_checkpoint TO \"" + slot
                        + "\";");

        outbox.execute("SELECT pg_drop_replication_slot('" + slot + "')");
        assertThat(FormerLog.giveUp(asPoller())).isEmpty();
    }

    @Test
    void theRightInTheRemedyMakesTheWarningExact() throws SQLException {
        readFromTheLog("streaming");
        outbox.execute("REVOKE ALL ON outbox_relay_checkpoint FROM " + slot);
        String remedy = FormerLog.giveUp(asPoller()).get(0).remedy();

        outbox.execute(remedy.substring(remedy.indexOf("GRANT")));

        assertThat(FormerLog.giveUp(asPoller())).extracting(Finding::subject).containsExactly("slot " + slot);
    }

    @Test
    void withoutTheTableNobodyCanHaveReadTheLog() throws SQLException {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput');"
                + " DROP TABLE outbox_relay_checkpoint");

        assertThat(FormerLog.giveUp(asPoller())).isEmpty();
    }

    private void readFromTheLog(String phase) throws SQLException {
        outbox.execute("SELECT pg_create_logical_replication_slot('" + slot + "', 'pgoutput')");
        outbox.execute("INSERT INTO outbox_relay_checkpoint SELECT 'public.outbox', '" + slot
                + "', system_identifier, 1, '0/1', '" + phase + "' FROM pg_control_system()");
    }

    private OutboxDatabase asPoller() {
        return new OutboxDatabase(
                outbox.database().address(slot, "secret"),
                outbox.outbox().table(),
                AfterDelivery.DELETE,
                outbox.database().dataSource(slot, "secret"));
    }
}
