package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Finding.Level;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.testkit.PostgresServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

/** Each finding, and that its remedy mends it, run as it is printed. */
class PartitionChecksTest {

    private PartitionedFixture outbox;
    private RelayMember relay;

    @BeforeEach
    void createOutbox() throws SQLException {
        outbox = new PartitionedFixture(PostgresServer.shared().createDatabase(), 100, 3);
        relay = new RelayMember(outbox);
    }

    @AfterEach
    void dropOutbox() throws SQLException {
        relay.close();
        outbox.close();
    }

    @Test
    void allIsWell() throws SQLException {
        assertThat(findings())
                .containsExactly(Finding.ok("partitions of public.outbox", "3 are ahead of the numbers in use"));
    }

    @Test
    void nothingIsSaidWhereNoPartitionsAreDropped() throws SQLException {
        outbox.database().execute("DROP TABLE outbox_relay_partition");

        assertThat(findings(AfterDelivery.DELETE)).isEmpty();
    }

    @Test
    void aRoleThatOwnsNothing() throws SQLException {
        outbox.database().execute("REVOKE " + relay.owner() + " FROM " + relay.role());

        mend(Level.ERROR, relay.role() + " is not a member of " + relay.owner() + ", who owns them");
    }

    @Test
    void anOwnerWhoMayMakeNoTables() throws SQLException {
        outbox.database()
                .execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE CREATE ON SCHEMA public FROM "
                        + relay.owner());

        mend(Level.ERROR, "may make no table in schema public");
    }

    @Test
    void aPartitionOfAnotherOwner() throws SQLException {
        outbox.database().execute("ALTER TABLE outbox_p201 OWNER TO CURRENT_USER");

        mend(Level.ERROR, "public.outbox_p201 does not belong to " + relay.owner());
    }

    @Test
    void aDefaultPartitionKeepsItsRows() throws SQLException {
        outbox.database()
                .execute("CREATE TABLE outbox_rest PARTITION OF outbox DEFAULT; ALTER TABLE outbox_rest OWNER TO "
                        + relay.owner());
        outbox.insert(450);

        mend(Level.ERROR, "public.outbox_rest is a default partition");

        assertThat(outbox.one("SELECT count(*) FROM outbox")).isEqualTo("450");
        outbox.insert(90);
        relay.partitions().maintain();
        outbox.insert(100);
    }

    @Test
    void aPartitionWithoutAnUpperLimit() throws SQLException {
        outbox.database()
                .execute("CREATE TABLE outbox_rest PARTITION OF outbox FOR VALUES FROM (401) TO (MAXVALUE);"
                        + " ALTER TABLE outbox_rest OWNER TO " + relay.owner());

        assertThat(problem().level()).isEqualTo(Level.WARNING);
        assertThat(problem().text()).contains("public.outbox_rest has no upper limit");
    }

    @Test
    void noPartitionForTheNextNumber() throws SQLException {
        outbox.insert(400);

        assertThat(problem().toString()).contains("none is there for the number 401");

        outbox.settleNothing();
        relay.partitions().maintain();
        assertThat(findings()).extracting(Finding::level).containsOnly(Level.OK);
    }

    @Test
    void aSequenceThatSessionsCache() throws SQLException {
        outbox.database().execute("ALTER SEQUENCE outbox_seq CACHE 50");

        mend(Level.ERROR, "the sequence public.outbox_seq caches 50 numbers");
    }

    @Test
    void aColumnWithoutASequence() throws SQLException {
        outbox.database().execute("ALTER TABLE outbox ALTER seq DROP DEFAULT");

        assertThat(problem().text()).contains("has no sequence of its own");
        assertThat(problem().remedy()).contains("outbox.after-delivery = delete");
    }

    @Test
    void aTableThatIsNotPartitioned() throws SQLException {
        outbox.database().execute("DROP TABLE outbox; CREATE TABLE outbox (seq bigint PRIMARY KEY)");

        assertThat(problem().text()).contains("there are none, or not by ranges of the one column seq");
        assertThat(problem().remedy())
                .contains("outbox.after-delivery = delete")
                .contains("V1__outbox_partitioned.sql");
    }

    @Test
    void aTableThatIsPartitionedByAnotherColumn() throws SQLException {
        outbox.database()
                .execute("DROP TABLE outbox; CREATE TABLE outbox (seq bigint, created_at timestamptz)"
                        + " PARTITION BY RANGE (created_at)");

        assertThat(problem().text()).contains("there are none, or not by ranges of the one column seq");
    }

    @Test
    void theRelaysTableIsMissingOrClosed() throws SQLException {
        outbox.database().execute("REVOKE UPDATE ON outbox_relay_partition FROM " + relay.role());
        mend(Level.ERROR, relay.role() + " may not read and write \"public\".outbox_relay_partition");

        outbox.database().execute("DROP TABLE outbox_relay_partition");
        assertThat(problem().text()).contains("public.outbox_relay_partition not found");
    }

    @Test
    void aDetachedTableThatIsNoLongerTheSame() throws SQLException {
        outbox.insert(250);
        outbox.settleNothing();
        relay.partitions().maintain();
        outbox.database()
                .execute("CREATE TABLE copy AS TABLE outbox_p1; DROP TABLE outbox_p1; ALTER TABLE copy RENAME TO"
                        + " outbox_p1");

        assertThat(problem().text()).startsWith("public.outbox_p1 was detached and perhaps not drained");
        outbox.database().execute(problem().remedy().replaceFirst("(?s).*restored: ", ""));

        assertThat(findings()).extracting(Finding::level).containsOnly(Level.OK);
        assertThat(outbox.detached()).containsExactly("outbox_p1");
    }

    @Test
    void aDetachedTableThatIsGoneFromThePast() throws SQLException {
        outbox.database()
                .execute("CREATE TABLE old (a int);"
                        + " INSERT INTO outbox_relay_partition VALUES ('public.outbox', 'public.old', 1)");

        mend(Level.ERROR, "public.old was detached");
    }

    @Test
    void anInterruptedDetachmentOfSomebodyElse() throws Exception {
        outbox.insert(250);
        try (Connection open = outbox.database().connect();
                Connection detaching = outbox.database().connect();
                Statement reader = open.createStatement();
                Statement detach = detaching.createStatement()) {
            reader.execute("BEGIN; SELECT * FROM outbox");
            detach.execute("SET statement_timeout = '300ms'");
            assertThat(catchThrowable(
                            () -> detach.execute("ALTER TABLE outbox DETACH PARTITION outbox_p1 CONCURRENTLY")))
                    .hasMessageContaining("statement timeout");
        }

        mend(Level.WARNING, "the DETACH of public.outbox_p1 was interrupted");
    }

    @Test
    void detachedTablesThatNobodyLooksAfterAnyMore() throws SQLException {
        outbox.insert(250);
        outbox.settleNothing();
        relay.partitions().maintain();

        assertThat(findings(AfterDelivery.DELETE))
                .singleElement()
                .satisfies(finding -> assertThat(finding.level()).isEqualTo(Level.WARNING))
                .satisfies(finding -> assertThat(finding.text()).contains("public.outbox_p1. What is unsent"));
    }

    private void mend(Level level, String text) throws SQLException {
        assertThat(problem().level()).isEqualTo(level);
        assertThat(problem().text()).contains(text);
        try (Connection connection = outbox.database().connect();
                Statement statement = connection.createStatement()) {
            for (String one : problem().remedy().replaceFirst(" -- .*$", "").split(";", -1)) {
                if (!one.isBlank()) {
                    statement.execute(one);
                }
            }
        }
        assertThat(findings()).extracting(Finding::level).containsOnly(Level.OK);
    }

    private Finding problem() throws SQLException {
        List<Finding> problems = findings();
        assertThat(problems).hasSize(1);
        return problems.get(0);
    }

    private List<Finding> findings() throws SQLException {
        return findings(outbox.outbox().afterDelivery());
    }

    private List<Finding> findings(AfterDelivery after) throws SQLException {
        try (Connection connection = relay.connect()) {
            return new PartitionChecks(Session.of(connection), OutboxTable.DEFAULT, after).findings();
        }
    }
}
