package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Finding.Level;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Every finding about table, publication, slot and rights: what it says, and that its remedy mends it as printed. */
class LogPreflightTest {

    private static final String DROP_SLOT =
            "SELECT pg_drop_replication_slot('preflight_slot') FROM pg_replication_slots WHERE slot_name = 'preflight_slot'";

    private TestDatabase database;
    private Preflight preflight;

    @BeforeEach
    void createDatabase() throws SQLException {
        database = PostgresServer.shared().createDatabase();
        preflight = new Preflight(database);
    }

    @AfterEach
    void dropDatabase() throws SQLException {
        preflight.run(DROP_SLOT);
        preflight.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void nothingIsWrongWithTheSchemaThatShips(SchemaScript outbox) throws SQLException {
        assertThat(preflight.install(outbox).problems()).isEmpty();
        assertThat(preflight.findings())
                .extracting(Finding::subject)
                .containsExactly(
                        "server version",
                        "wal_level",
                        "role preflight_relay",
                        "max_replication_slots",
                        "max_wal_senders",
                        "table public.outbox",
                        "table public.outbox",
                        "publication outbox_relay",
                        "after-delivery",
                        "slot preflight_slot",
                        "max_slot_wal_keep_size",
                        "relay tables");
    }

    @Test
    void nothingIsWrongWithATableMadeForDebezium() throws SQLException {
        preflight.install(SchemaScript.TABLE).of(new OutboxTable("public", "outboxevent", OutboxColumns.DEBEZIUM));
        preflight.run("CREATE TABLE outboxevent (id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL,"
                + " aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb);"
                + " GRANT SELECT, DELETE ON outboxevent TO preflight_relay;"
                + " ALTER PUBLICATION outbox_relay SET TABLE outboxevent");

        assertThat(preflight.problems()).isEmpty();
    }

    @Test
    void theCheckChangesNothing() throws SQLException {
        preflight.install(SchemaScript.TABLE);

        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SET default_transaction_read_only = on");
            assertThat(new LogPreflight(OutboxTable.DEFAULT, AfterDelivery.DELETE, Preflight.SETTINGS, "outbox_relay")
                            .check(connection))
                    .isNotEmpty();
        }
    }

    @Nested
    class Role {

        @Test
        void aRoleThatMayNotReplicate() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER ROLE preflight_relay NOREPLICATION");

            assertFinding(Level.ERROR, "role preflight_relay", "has no right to replicate");
            preflight.mend();
        }

        @Test
        void aSuperuserMayReplicate() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER ROLE preflight_relay NOREPLICATION SUPERUSER");

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void aMemberOfAmazonsRoleMayReplicate() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("CREATE ROLE rds_replication; ALTER ROLE preflight_relay NOREPLICATION;"
                    + " GRANT rds_replication TO preflight_relay");
            try {
                assertThat(preflight.problems()).isEmpty();
            } finally {
                preflight.run("DROP ROLE rds_replication");
            }
        }

        @Test
        void aTableThatTheRoleMayNotRead() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("REVOKE SELECT ON outbox FROM preflight_relay;"
                    + " GRANT SELECT (seq, id, type, aggregate_id) ON outbox TO preflight_relay");

            assertFinding(
                    Level.ERROR,
                    "table public.outbox",
                    "preflight_relay may not read its columns aggregate_type, payload, headers.");
            preflight.mend();
        }

        @Test
        void rightsOnTheColumnsAloneAreEnough() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("REVOKE SELECT ON outbox FROM preflight_relay; GRANT SELECT (seq, id, aggregate_type,"
                    + " aggregate_id, type, payload, headers) ON outbox TO preflight_relay");

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void aSchemaThatTheRoleMayNotUse() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("REVOKE USAGE ON SCHEMA public FROM public");

            assertThat(preflight.problems())
                    .extracting(Finding::text)
                    .containsExactly(
                            "preflight_relay may not read anything in schema public.",
                            "preflight_relay may not read and write \"public\".\"outbox_relay_checkpoint\","
                                    + " \"public\".\"outbox_relay_request\".");
            preflight.run(preflight.problems().get(0).remedy());
            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void relayTablesThatTheRoleMayNotWrite() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("REVOKE UPDATE ON outbox_relay_checkpoint FROM preflight_relay");

            assertFinding(
                    Level.ERROR, "relay tables", "may not read and write \"public\".\"outbox_relay_checkpoint\".");
            preflight.mend();
        }

        @Test
        void relayTablesThatAreMissing() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("DROP TABLE outbox_relay_checkpoint, outbox_relay_request");

            Finding finding = assertFinding(
                    Level.ERROR,
                    "relay tables",
                    "public.outbox_relay_checkpoint and public.outbox_relay_request not found.");
            assertThat(finding.remedy()).contains(SchemaScript.RELAY.path()).contains("schema public");
        }

        @Test
        void rowLevelSecurityThatHidesRows() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER TABLE outbox ENABLE ROW LEVEL SECURITY");

            assertFinding(
                    Level.WARNING, "table public.outbox", "row-level security may hide rows from preflight_relay");
            preflight.mend();
        }

        @Test
        void aRestrictivePolicyThatNoOtherPolicyCanLift() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("ALTER TABLE outbox ENABLE ROW LEVEL SECURITY; CREATE POLICY all_rows ON outbox USING (true);"
                    + " CREATE POLICY own_rows ON outbox AS RESTRICTIVE USING (aggregate_type = 'order')");

            assertFinding(
                    Level.WARNING, "table public.outbox", "row-level security may hide rows from preflight_relay");
            preflight.mend();
        }
    }

    @Nested
    class Table {

        @Test
        void aTableThatDoesNotExist() throws SQLException {
            preflight.install(SchemaScript.TABLE).of(new OutboxTable("shop", "events", OutboxColumns.DEFAULT));

            Finding finding = preflight.problems().get(0);

            assertThat(finding.level()).isEqualTo(Level.ERROR);
            assertThat(finding.subject()).isEqualTo("table shop.events");
            assertThat(finding.text())
                    .isEqualTo(
                            "does not exist in database " + database.address().name() + ".");
            assertThat(finding.remedy()).contains(SchemaScript.TABLE.path()).contains("outbox.table");
        }

        @Test
        void aTableThatExistsUnderANameLikeIt() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("CREATE SCHEMA shop; CREATE TABLE shop.\"OutBox\" ()");
            preflight.of(new OutboxTable("shop", "outbox", OutboxColumns.DEFAULT));

            assertThat(preflight.problems().get(0).text()).contains("There is shop.\"OutBox\".");
        }

        @Test
        void aView() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("CREATE VIEW events AS SELECT * FROM outbox");

            preflight.of(new OutboxTable("public", "events", OutboxColumns.DEFAULT));

            assertFinding(Level.ERROR, "table public.events", "is no table");
        }

        @Test
        void onePartitionOfATable() throws SQLException {
            preflight
                    .install(SchemaScript.PARTITIONED_TABLE)
                    .of(new OutboxTable("public", "outbox_p1", OutboxColumns.DEFAULT));

            assertThat(preflight.problems())
                    .anySatisfy(finding -> assertThat(finding.text()).contains("is one partition of outbox"));
        }

        @Test
        void anUnloggedTable() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("DROP PUBLICATION outbox_relay; ALTER TABLE outbox SET UNLOGGED;"
                    + " CREATE PUBLICATION outbox_relay FOR ALL TABLES WITH (publish = 'insert')");

            assertFinding(Level.ERROR, "table public.outbox", "public.outbox is unlogged");
            preflight.mend();
        }

        @Test
        void anUnloggedPartition() throws SQLException {
            preflight.install(SchemaScript.PARTITIONED_TABLE);
            preflight.run(
                    "CREATE UNLOGGED TABLE outbox_p2 PARTITION OF outbox FOR VALUES FROM (40000001) TO (50000001)");

            assertFinding(Level.ERROR, "table public.outbox", "public.outbox_p2 is unlogged");
            preflight.mend();
        }

        @ParameterizedTest
        @ValueSource(strings = {"id", "aggregate_type", "aggregate_id", "type", "payload", "headers"})
        void aColumnThatIsMissing(String column) throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.KEEP).run("ALTER TABLE outbox DROP COLUMN " + column);

            Finding finding = assertFinding(
                    Level.ERROR, "table public.outbox", "has no column " + column + "; its columns are seq, ");
            assertThat(finding.remedy()).endsWith("outbox.columns." + column.replace('_', '-'));
            preflight.mend();
        }

        @ParameterizedTest
        @ValueSource(strings = {"seq", "created_at"})
        void aColumnThatTheLogCanDoWithout(String column) throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.KEEP).run("ALTER TABLE outbox DROP COLUMN " + column);

            Finding finding = assertFinding(Level.WARNING, "table public.outbox", "has no column " + column);
            assertThat(finding.remedy()).contains("outbox.columns." + column.replace('_', '-') + " = \"\"");
        }

        @ParameterizedTest
        @ValueSource(strings = {"payload xml", "payload int", "headers text[]", "id int[]", "aggregate_id timestamp"})
        void aColumnOfATypeThatCannotBeUsed(String columnAndType) throws SQLException {
            String column = columnAndType.split(" ", 2)[0];
            preflight.install(SchemaScript.TABLE);
            preflight.run("ALTER TABLE outbox DROP COLUMN " + column + ", ADD COLUMN " + columnAndType);

            assertFinding(Level.ERROR, "table public.outbox", "column " + column + " is of type ");
            preflight.mend();
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "payload json",
                    "payload text",
                    "payload varchar(100)",
                    "payload bytea",
                    "payload document",
                    "headers json",
                    "headers text",
                    "id text",
                    "id bigint",
                    "aggregate_id uuid",
                    "aggregate_id int",
                    "aggregate_id char(36)",
                    "type kind"
                })
        void aColumnOfATypeThatCanBeUsed(String columnAndType) throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("CREATE DOMAIN document AS json; CREATE TYPE kind AS ENUM ('a', 'b')");
            preflight.run("ALTER TABLE outbox DROP COLUMN " + columnAndType.split(" ", 2)[0] + ", ADD COLUMN "
                    + columnAndType);

            assertThat(preflight.problems()).isEmpty();
        }

        @ParameterizedTest
        @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
        void aSequenceThatCachesNumbers(SchemaScript outbox) throws SQLException {
            preflight.install(outbox);
            String sequence = outbox == SchemaScript.TABLE ? "outbox_seq_seq" : "outbox_seq";
            preflight.run("ALTER SEQUENCE " + sequence + " CACHE 20");

            assertFinding(
                    Level.WARNING,
                    "table public.outbox",
                    "the sequence public." + sequence + " caches 20 numbers in each session");
            preflight.mend();
        }

        @Test
        void aCachingSequenceThatBelongsToNoTable() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("CREATE SEQUENCE numbers CACHE 5; ALTER TABLE outbox ALTER COLUMN seq DROP IDENTITY,"
                    + " ALTER COLUMN seq SET DEFAULT nextval('numbers')");

            assertFinding(Level.WARNING, "table public.outbox", "the sequence public.numbers caches 5 numbers");
            preflight.mend();
        }

        @Test
        void aStoredGeneratedColumn() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("ALTER TABLE outbox DROP COLUMN payload, ADD COLUMN payload text"
                    + " GENERATED ALWAYS AS (upper(type)) STORED");

            Finding finding = assertFinding(
                    Level.ERROR,
                    "publication outbox_relay",
                    "leaves out the generated column payload of public.outbox.");
            assertThat(finding.remedy())
                    .contains(
                            PostgresServer.shared().version() < 18
                                    ? "DROP EXPRESSION"
                                    : "publish_generated_columns = stored");
            preflight.mend();
        }

        @Test
        void aVirtualGeneratedColumn() throws SQLException {
            assumeTrue(PostgresServer.shared().version() >= 18, "virtual columns came with Postgres 18");
            preflight.install(SchemaScript.TABLE);
            preflight.run("ALTER TABLE outbox DROP COLUMN payload, ADD COLUMN payload text"
                    + " GENERATED ALWAYS AS (upper(type)) VIRTUAL");

            Finding finding = assertFinding(
                    Level.ERROR,
                    "publication outbox_relay",
                    "leaves out the generated column payload of public.outbox.");
            assertThat(finding.remedy()).isEqualTo("Make payload a plain column that the service writes.");
        }
    }

    @Nested
    class Publication {

        @ParameterizedTest
        @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
        void aPublicationThatDoesNotExist(SchemaScript outbox) throws SQLException {
            preflight.install(outbox).run("DROP PUBLICATION outbox_relay");

            assertFinding(
                    Level.ERROR,
                    "publication outbox_relay",
                    "does not exist in database " + database.address().name() + ".");
            preflight.mend();
        }

        @Test
        void aPublicationOfOtherTables() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER PUBLICATION outbox_relay SET TABLE outbox_relay_request");

            assertFinding(Level.ERROR, "publication outbox_relay", "does not publish public.outbox.");
            preflight.mend();
        }

        @Test
        void aPublicationOfThePartitionsOnly() throws SQLException {
            preflight
                    .install(SchemaScript.PARTITIONED_TABLE)
                    .run("ALTER PUBLICATION outbox_relay SET TABLE outbox_p1, outbox_p10000001");

            assertFinding(Level.ERROR, "publication outbox_relay", "does not publish public.outbox.");
            preflight.mend();
        }

        @Test
        void aPublicationThatNamesThePartitions() throws SQLException {
            preflight
                    .install(SchemaScript.PARTITIONED_TABLE)
                    .run("ALTER PUBLICATION outbox_relay SET (publish_via_partition_root = false)");

            assertFinding(
                    Level.ERROR,
                    "publication outbox_relay",
                    "publishes the partitions of public.outbox under their own names.");
            preflight.mend();
        }

        @Test
        void aPublicationWithoutInserts() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER PUBLICATION outbox_relay SET (publish = 'update')");

            assertThat(preflight.problems())
                    .extracting(Finding::level, Finding::text)
                    .startsWith(tuple(Level.ERROR, "does not publish inserts."));
            preflight.run(preflight.problems().get(0).remedy());
            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void aPublicationOfMoreThanInserts() throws SQLException {
            preflight
                    .install(SchemaScript.TABLE)
                    .run("ALTER PUBLICATION outbox_relay SET (publish = 'insert, update, delete, truncate')");

            assertFinding(
                    Level.WARNING,
                    "publication outbox_relay",
                    "publishes more than inserts: update, delete, truncate.");
            preflight.mend();
        }

        @Test
        void aPublicationOfAllTables() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("DROP PUBLICATION outbox_relay;"
                    + " CREATE PUBLICATION outbox_relay FOR ALL TABLES WITH (publish = 'insert')");

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void aPublicationOfAllTablesOfTheSchema() throws SQLException {
            since15("publications of schemas");
            preflight.install(SchemaScript.TABLE);
            preflight.run("DROP PUBLICATION outbox_relay;"
                    + " CREATE PUBLICATION outbox_relay FOR TABLES IN SCHEMA public WITH (publish = 'insert')");

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void aPublicationOfAllTablesOfAnotherSchema() throws SQLException {
            since15("publications of schemas");
            preflight.install(SchemaScript.TABLE);
            preflight.run("DROP PUBLICATION outbox_relay; CREATE SCHEMA shop;"
                    + " CREATE PUBLICATION outbox_relay FOR TABLES IN SCHEMA shop WITH (publish = 'insert')");

            assertFinding(Level.ERROR, "publication outbox_relay", "does not publish public.outbox.");
            preflight.mend();
        }

        @Test
        void aRowFilter() throws SQLException {
            since15("row filters");
            preflight
                    .install(SchemaScript.TABLE)
                    .run("ALTER PUBLICATION outbox_relay SET TABLE outbox WHERE (aggregate_type = 'order')");

            assertFinding(
                    Level.ERROR,
                    "publication outbox_relay",
                    "publishes only rows of public.outbox where (aggregate_type = 'order'::text).");
            preflight.mend();
        }

        @Test
        void aColumnListThatLeavesOutNeededColumns() throws SQLException {
            since15("column lists");
            preflight
                    .install(SchemaScript.TABLE)
                    .run("ALTER PUBLICATION outbox_relay SET TABLE outbox (seq, id, type, aggregate_type, payload)");

            assertFinding(
                    Level.ERROR,
                    "publication outbox_relay",
                    "leaves out columns of public.outbox: aggregate_id, headers.");
            preflight.mend();
        }

        @Test
        void aColumnListOfAllThatIsNeeded() throws SQLException {
            since15("column lists");
            preflight.install(SchemaScript.TABLE);
            preflight.run("ALTER PUBLICATION outbox_relay SET TABLE outbox"
                    + " (seq, id, type, aggregate_type, aggregate_id, payload, headers)");

            assertThat(preflight.problems()).isEmpty();
        }

        private void since15(String what) {
            assumeTrue(PostgresServer.shared().version() >= 15, what + " came with Postgres 15");
        }
    }

    @Nested
    class WhatBecomesOfDeliveredRows {

        @Test
        void aRoleThatMayNotDelete() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("REVOKE DELETE ON outbox FROM preflight_relay");

            assertFinding(Level.ERROR, "after-delivery", "preflight_relay may not delete rows of public.outbox.");
            preflight.mend();
        }

        @Test
        void aRoleThatMayNotDeleteAndNeedNot() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.KEEP);
            preflight.run("REVOKE DELETE ON outbox FROM preflight_relay");

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void anIndexThatIsMissing() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER TABLE outbox DROP CONSTRAINT outbox_pkey");

            assertFinding(Level.WARNING, "after-delivery", "public.outbox has no index on seq");
            preflight.mend();
        }

        @Test
        void anOrderThatIsMissing() throws SQLException {
            preflight.install(SchemaScript.TABLE).run("ALTER TABLE outbox DROP COLUMN seq");

            Finding finding = assertFinding(Level.ERROR, "after-delivery", "public.outbox has no column seq, by which");
            assertThat(finding.remedy()).contains("outbox.columns.seq = \"\"");
        }

        @ParameterizedTest
        @ValueSource(strings = {"numeric", "text"})
        void anOrderOfATypeByWhichRowsAreNotFound(String type) throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("ALTER TABLE outbox ALTER seq DROP IDENTITY; ALTER TABLE outbox ALTER seq TYPE " + type);

            Finding finding = assertFinding(
                    Level.ERROR,
                    "after-delivery",
                    "column seq of public.outbox is of type " + type + "; usable are bigint, integer and smallint.");
            assertThat(finding.code()).contains(Code.ORDER_COLUMN_TYPE);
            preflight.mend();
        }

        @ParameterizedTest
        @ValueSource(strings = {"integer", "smallint", "number"})
        void anOrderOfAnyWholeNumbersOrADomainOfThem(String type) throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("CREATE DOMAIN number AS bigint; ALTER TABLE outbox ALTER seq DROP IDENTITY;"
                    + " ALTER TABLE outbox ALTER seq TYPE " + type);

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void anOrderOfAnyTypeWhereNoRowIsFoundByIt() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.KEEP);
            preflight.run("ALTER TABLE outbox ALTER seq DROP IDENTITY; ALTER TABLE outbox ALTER seq TYPE numeric");

            assertThat(preflight.problems()).isEmpty();
        }

        @Test
        void aMarkThatIsMissing() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.MARK);

            assertFinding(Level.ERROR, "after-delivery", "public.outbox has no column delivered_at, which mark sets");
            preflight.mend();
        }

        @Test
        void aMarkThatTheRoleMayNotSet() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.MARK);
            preflight.run("ALTER TABLE outbox ADD delivered_at timestamptz");

            assertFinding(Level.ERROR, "after-delivery", "preflight_relay may not update column delivered_at");
            preflight.mend();
        }

        @Test
        void aMarkThatHoldsNoTime() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.MARK);
            preflight.run("ALTER TABLE outbox ADD delivered_at boolean; GRANT UPDATE ON outbox TO preflight_relay");

            assertFinding(Level.ERROR, "after-delivery", "column delivered_at of public.outbox is of type boolean");
        }

        @Test
        void aTriggerThatWouldRefuseTheMark() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.MARK);
            preflight.run("ALTER TABLE outbox ADD delivered_at timestamptz; GRANT UPDATE ON outbox TO preflight_relay");
            database.execute(SchemaScript.REFUSE_UPDATES.sql());
            assertThat(preflight.problems()).isEmpty();

            preflight.run("CREATE TRIGGER all_columns BEFORE UPDATE ON outbox EXECUTE FUNCTION outbox_refuse_update()");

            assertFinding(Level.WARNING, "after-delivery", "the trigger all_columns fires when delivered_at is set");
        }

        @Test
        void updatesThatWouldComeBackThroughTheLog() throws SQLException {
            preflight.install(SchemaScript.TABLE).after(Action.MARK);
            preflight.run("ALTER TABLE outbox ADD delivered_at timestamptz; GRANT UPDATE ON outbox TO preflight_relay;"
                    + " ALTER PUBLICATION outbox_relay SET (publish = 'insert, update')");

            assertFinding(Level.ERROR, "publication outbox_relay", "publishes updates, and after-delivery = mark");
            preflight.mend();
        }

        @Test
        void partitionsThatTheRelayCannotLookAfter() throws SQLException {
            preflight.install(SchemaScript.PARTITIONED_TABLE).after(Action.DROP_PARTITION);
            preflight.run("GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_relay_partition TO preflight_relay");

            assertFinding(Level.ERROR, "partitions of public.outbox", "preflight_relay is not a member of");
            preflight.mend();
            preflight.run("DROP TABLE outbox_relay_partition");

            assertFinding(Level.ERROR, "partitions of public.outbox", "public.outbox_relay_partition not found.");
        }
    }

    @Nested
    class Slot {

        @Test
        void aSlotForStandbysThatIsNone() throws SQLException {
            preflight
                    .install(SchemaScript.TABLE)
                    .with(new LogSettings(Preflight.SLOT, true, true, ExistingRows.PUBLISH));
            if (PostgresServer.shared().version() < 17) {
                assertFinding(Level.ERROR, "slot preflight_slot", "which Postgres knows from version 17 on");
                return;
            }
            assertThat(preflight.problems()).isEmpty();
            preflight.run("SELECT pg_create_logical_replication_slot('preflight_slot', 'pgoutput')");

            assertFinding(Level.WARNING, "slot preflight_slot", "was made without failover");
            preflight.mend();
        }

        @Test
        void aSlotThatIsFree() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("SELECT pg_create_logical_replication_slot('preflight_slot', 'pgoutput')");

            assertThat(preflight.problems()).isEmpty();
            assertThat(preflight.findings()).contains(Finding.ok("slot preflight_slot", "is free"));
        }

        @Test
        void aPhysicalSlot() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("SELECT pg_create_physical_replication_slot('preflight_slot')");

            assertFinding(Level.ERROR, "slot preflight_slot", "is a physical slot, not a logical one.");
            preflight.mend();
        }

        @Test
        void aSlotOfAnotherPlugin() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("SELECT pg_create_logical_replication_slot('preflight_slot', 'test_decoding')");

            assertFinding(Level.ERROR, "slot preflight_slot", "speaks through the plugin test_decoding, not pgoutput.");
            preflight.mend();
        }

        @Test
        void aSlotOfAnotherDatabase() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            try (TestDatabase other = PostgresServer.shared().createDatabase()) {
                other.execute("SELECT pg_create_logical_replication_slot('preflight_slot', 'pgoutput')");

                assertFinding(
                        Level.ERROR,
                        "slot preflight_slot",
                        "belongs to database " + other.address().name() + ", not "
                                + database.address().name() + ".");
                preflight.mend();
            }
        }

        @Test
        void aSlotForTwoPhaseCommit() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            preflight.run("SELECT pg_create_logical_replication_slot('preflight_slot', 'pgoutput', false, true)");

            assertFinding(
                    Level.ERROR, "slot preflight_slot", "would hand over prepared transactions before they commit");
            preflight.mend();
        }

        @Test
        void aTemporarySlot() throws SQLException {
            preflight.install(SchemaScript.TABLE);
            try (Connection connection = database.connect();
                    Statement statement = connection.createStatement()) {
                statement.execute("SELECT pg_create_logical_replication_slot('preflight_slot', 'pgoutput', true)");

                assertFinding(
                        Level.ERROR, "slot preflight_slot", "is temporary: it ends with the session that made it");
                assertThat(preflight.findings())
                        .as("one that is active, too")
                        .noneMatch(finding -> finding.text().startsWith("is being read"));
                preflight.mend();
            }
        }
    }

    private Finding assertFinding(Level level, String subject, String text) throws SQLException {
        Finding finding = preflight.problem();
        assertThat(finding.level()).isEqualTo(level);
        assertThat(finding.subject()).isEqualTo(subject);
        assertThat(finding.text()).contains(text);
        assertThat(finding.remedy()).isNotBlank();
        return finding;
    }
}
