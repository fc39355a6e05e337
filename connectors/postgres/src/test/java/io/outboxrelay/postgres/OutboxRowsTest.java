package io.outboxrelay.postgres;

import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.OutboxRows.Page;
import io.outboxrelay.postgres.OutboxRows.Shard;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class OutboxRowsTest {

    private static final Page ALL = Page.first(1_000_000, 1 << 30);
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private TestDatabase database;

    @BeforeEach
    void create() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void drop() throws SQLException {
        database.close();
    }

    @Test
    void rowsComeInTheOrderOfSeqWhateverTheOrderOfTheInserts() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("INSERT INTO outbox (seq, type) VALUES (9, 'i'), (-4, 'minus'), (3, 'c'), (0, 'zero')");

        List<OutboxEvent> rows = read(ALL);

        assertThat(rows).extracting(OutboxEvent::type).containsExactly("minus", "zero", "c", "i");
        assertThat(rows).extracting(OutboxEvent::position).contains(new SeqPosition(-4), new SeqPosition(9));
    }

    @Test
    void aPageIsBoundedBothWaysAndLeavesOutWhatItIsTold() throws SQLException {
        tenRows();

        assertThat(seqs(read(new Page(2, 8, List.of(4L, 5L, 99L), Optional.empty(), 100, 1 << 20))))
                .containsExactly(3L, 6L, 7L, 8L);
        assertThat(seqs(read(new Page(2, 8, List.of(4L, 5L), Optional.empty(), 2, 1 << 20))))
                .containsExactly(3L, 6L);
        assertThat(seqs(read(Page.first(3, 1 << 20).after(3)))).containsExactly(4L, 5L, 6L);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"text | repeat(md5(n::text), 3125)", "bytea | repeat(md5(n::text), 3125)::bytea"})
    void aPageEndsBeforeItHoldsTooManyBytesUnlessOneRowDoes(String type, String value) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(
                "ALTER TABLE outbox ALTER payload TYPE " + type + " USING NULL, ALTER payload SET STORAGE EXTERNAL;"
                        + " INSERT INTO outbox (payload) SELECT " + value + " FROM generate_series(1, 10) n");

        assertThat(seqs(read(Page.first(10, 250_000))))
                .as("three rows of 100 kB, the third of which goes beyond")
                .containsExactly(1L, 2L, 3L);
        assertThat(seqs(read(Page.first(10, 100)))).containsExactly(1L);
        assertThat(seqs(read(Page.first(10, 100).after(1)))).containsExactly(2L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"jsonb", "json", "text"})
    void whatIsStoredCompressedCountsAsWhatItIsInMemory(String type) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("ALTER TABLE outbox ALTER payload TYPE " + type + " USING NULL;"
                + " INSERT INTO outbox (payload) SELECT to_json(repeat('x', 100000))::" + type
                + " FROM generate_series(1, 10)");

        assertThat(read(Page.first(10, 250_000))).hasSize(3);
    }

    @Test
    void largeHeadersCountToo() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("INSERT INTO outbox (headers) SELECT jsonb_build_object('h', repeat('x', 100000))"
                + " FROM generate_series(1, 10)");

        assertThat(read(Page.first(10, 250_000))).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4, 7})
    void everyRowIsInOneShardAndAnAggregateIsNotDivided(int count) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("INSERT INTO outbox (aggregate_id) SELECT nullif('a' || n % 100, 'a7')"
                + " FROM generate_series(1, 1000) n; INSERT INTO outbox (aggregate_id) VALUES ('')");
        List<OutboxEvent> all = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            List<OutboxEvent> shard = read(new Page(
                    Long.MIN_VALUE, Long.MAX_VALUE, List.of(), Optional.of(new Shard(index, count)), 2000, 1 << 20));
            assertThat(shard).isNotEmpty();
            assertThat(all)
                    .extracting(OutboxEvent::aggregateId)
                    .doesNotContainAnyElementsOf(
                            shard.stream().map(OutboxEvent::aggregateId).toList());
            all.addAll(shard);
        }
        assertThat(seqs(all)).hasSize(1001).doesNotHaveDuplicates();
    }

    @Test
    void shardsOfTextThatOnlyACollationFindsEqualCanBeRead() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
                + " ALTER TABLE outbox ALTER aggregate_id TYPE text COLLATE alike;"
                + " INSERT INTO outbox (aggregate_id) VALUES ('a'), ('A')");

        assertThat(read(new Page(Long.MIN_VALUE, Long.MAX_VALUE, List.of(), Optional.of(new Shard(0, 1)), 10, 1 << 20)))
                .hasSize(2);
    }

    @Test
    void markedRowsAreLeftOutWhereRowsAreMarked() throws SQLException {
        tenRows();
        database.execute("ALTER TABLE outbox ADD \"Sent At\" timestamptz;"
                + " UPDATE outbox SET \"Sent At\" = now() WHERE seq % 2 = 0");
        AfterDelivery mark = new AfterDelivery(AfterDelivery.Action.MARK, "Sent At", 1000, 0, 1000, 1);

        assertThat(seqs(read(OutboxTable.DEFAULT, mark, ALL))).containsExactly(1L, 3L, 5L, 7L, 9L);
        assertThat(read(ALL)).hasSize(10);
    }

    @Test
    void theTimeIsTheRowsOrThatOfTheReading() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        Instant written = Instant.parse("2024-02-29T23:59:59.123456Z");
        database.execute(
                "INSERT INTO outbox (created_at) VALUES ('" + written + "'), (NULL), ('infinity'), ('-infinity')");

        List<OutboxEvent> rows = read(ALL);

        assertThat(rows.get(0).occurredAt()).isEqualTo(written);
        assertThat(rows.subList(1, 4))
                .allSatisfy(row -> assertThat(row.occurredAt())
                        .isBetween(Instant.now().minus(MINUTE), Instant.now().plus(MINUTE)));
    }

    @ParameterizedTest
    @CsvSource({"timestamp, 2024-02-29T23:59:59Z", "text, "})
    void aTimeWithoutAZoneIsUtcAndAnythingElseIsNoTime(String type, Instant expected) throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("ALTER TABLE outbox ALTER created_at DROP DEFAULT, ALTER created_at TYPE " + type
                + "; INSERT INTO outbox (created_at) VALUES ('2024-02-29 23:59:59')");

        Instant occurredAt = read(ALL).get(0).occurredAt();

        if (expected == null) {
            assertThat(occurredAt).isAfter(Instant.now().minus(MINUTE));
        } else {
            assertThat(occurredAt).isEqualTo(expected);
        }
    }

    @Test
    void columnsThatTheTableDoesNotHaveAreNotAskedFor() throws SQLException {
        database.execute("CREATE TABLE plain (n int PRIMARY KEY, id text, t text, a text, y text, p text);"
                + " INSERT INTO plain VALUES (1, 'i', 't', 'a', 'y', 'p')");
        OutboxTable plain = new OutboxTable(
                "public",
                "plain",
                new OutboxColumns("id", "t", "a", "y", "p", Optional.empty(), Optional.empty(), Optional.of("n")));

        OutboxEvent row = read(plain, AfterDelivery.DELETE, ALL).get(0);

        assertThat(row.headers()).isNull();
        assertThat(row.payload()).asString(StandardCharsets.UTF_8).isEqualTo("p");
        assertThat(row.occurredAt()).isAfter(Instant.now().minus(MINUTE));
    }

    @Test
    void oneColumnMayServeTwoPurposes() throws SQLException {
        database.execute("CREATE TABLE plain (n bigint PRIMARY KEY, a text, p text);"
                + " INSERT INTO plain VALUES (1, 'a', 'p')");
        OutboxTable plain = new OutboxTable(
                "public",
                "plain",
                new OutboxColumns("n", "a", "a", "a", "p", Optional.empty(), Optional.empty(), Optional.of("n")));

        OutboxEvent row = read(plain, AfterDelivery.DELETE, ALL).get(0);

        assertThat(row.id()).isEqualTo("1");
        assertThat(row.aggregateType()).isEqualTo("a");
        assertThat(row.aggregateId()).isEqualTo("a");
    }

    @Test
    void textIsReadAsTheServerPrintsItHoweverOftenTheStatementRuns() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("CREATE TYPE kind AS ENUM ('placed'); ALTER TABLE outbox ALTER aggregate_id TYPE bigint"
                + " USING NULL, ALTER aggregate_type TYPE char(6), ALTER type TYPE kind USING NULL, ALTER id DROP DEFAULT,"
                + " ALTER id TYPE bytea USING NULL; INSERT INTO outbox (id, aggregate_id, aggregate_type, type, payload)"
                + " VALUES ('\\x00ff', 9000000000, 'ab', 'placed', '{\"b\": 1.50}')");
        OutboxRows rows = new OutboxRows(outbox(OutboxTable.DEFAULT, AfterDelivery.DELETE));

        try (Connection connection = database.connect()) {
            for (int i = 0; i < 12; i++) {
                OutboxEvent row = rows.read(connection, ALL).get(0);
                assertThat(row.id()).isEqualTo("\\x00ff");
                assertThat(row.aggregateId()).isEqualTo("9000000000");
                assertThat(row.aggregateType()).isEqualTo("ab    ");
                assertThat(row.type()).isEqualTo("placed");
                assertThat(row.payload()).asString(StandardCharsets.UTF_8).isEqualTo("{\"b\": 1.50}");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"TABLE", "PARTITIONED_TABLE"})
    void thePlanThatTheServerKeepsFollowsTheIndex(SchemaScript script) throws SQLException {
        database.execute(script.sql());
        database.execute(
                "INSERT INTO outbox (aggregate_id, payload) SELECT n % 50, '{}' FROM generate_series(1, 20000) n");
        List<Page> pages = List.of(
                ALL,
                Page.first(2000, 1 << 20),
                new Page(0, Long.MAX_VALUE, List.of(1L, 2L), Optional.of(new Shard(1, 4)), 2000, 1 << 20));
        for (Page page : pages) {
            assertThat(plan(AfterDelivery.DELETE, page)).contains("Index Scan").doesNotContain("Sort  ", "Seq Scan on");
        }
        database.execute("ANALYZE outbox");
        for (Page page : pages) {
            assertThat(plan(AfterDelivery.DELETE, page)).contains("Index Scan").doesNotContain("Sort  ", "Seq Scan on");
        }
    }

    @Test
    void whereRowsAreMarkedThePlanFollowsAnIndexOfTheUnmarked() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("ALTER TABLE outbox ADD delivered_at timestamptz;"
                + " CREATE INDEX outbox_unsent ON outbox (seq) WHERE delivered_at IS NULL;"
                + " INSERT INTO outbox (payload, delivered_at)"
                + " SELECT '{}', CASE WHEN n < 19900 THEN now() END FROM generate_series(1, 20000) n");
        database.execute("ANALYZE outbox");

        assertThat(plan(AfterDelivery.of(AfterDelivery.Action.MARK), Page.first(2000, 1 << 20)))
                .contains("outbox_unsent")
                .doesNotContain("Sort  ", "Seq Scan on");
    }

    @Test
    void anIndexOnTheShardIsUsed() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute(
                "CREATE INDEX outbox_shard ON outbox (" + Shard.expression(OutboxTable.DEFAULT, 4)
                        + ", seq); INSERT INTO outbox (aggregate_id, payload) SELECT n % 50, '{}' FROM generate_series(1, 20000) n");
        database.execute("ANALYZE outbox");

        assertThat(plan(
                        AfterDelivery.DELETE,
                        new Page(0, Long.MAX_VALUE, List.of(), Optional.of(new Shard(1, 4)), 2000, 1 << 20)))
                .contains("outbox_shard")
                .doesNotContain("Sort  ", "Seq Scan on");
    }

    @Test
    void aTableWithoutAnOrderIsRefused() {
        OutboxTable table = new OutboxTable("public", "outboxevent", OutboxColumns.DEBEZIUM);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new OutboxRows(outbox(table, AfterDelivery.DELETE)))
                .withMessageContaining("outbox.columns.seq");
    }

    private void tenRows() throws SQLException {
        database.execute(SchemaScript.TABLE.sql());
        database.execute("INSERT INTO outbox (type) SELECT n FROM generate_series(1, 10) n");
    }

    private List<OutboxEvent> read(Page page) throws SQLException {
        return read(OutboxTable.DEFAULT, AfterDelivery.DELETE, page);
    }

    private List<OutboxEvent> read(OutboxTable table, AfterDelivery afterDelivery, Page page) throws SQLException {
        try (Connection connection = database.connect()) {
            return new OutboxRows(outbox(table, afterDelivery)).read(connection, page);
        }
    }

    private OutboxDatabase outbox(OutboxTable table, AfterDelivery afterDelivery) {
        return new OutboxDatabase(database.address(), table, afterDelivery, database.dataSource());
    }

    private static List<Long> seqs(List<OutboxEvent> rows) {
        return rows.stream().map(row -> ((SeqPosition) row.position()).seq()).toList();
    }

    /** The plan for any values, which the server keeps once a statement has been prepared for a while. */
    private String plan(AfterDelivery afterDelivery, Page page) throws SQLException {
        String sql = new OutboxRows(outbox(OutboxTable.DEFAULT, afterDelivery)).sql(page);
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("SET plan_cache_mode = force_generic_plan");
            try (PreparedStatement explain = connection.prepareStatement("EXPLAIN " + sql)) {
                int parameters = (int) sql.chars().filter(c -> c == '?').count();
                for (int i = 1; i <= parameters; i++) {
                    if (!page.except().isEmpty() && i == parameters - 1) {
                        explain.setArray(
                                i,
                                connection.createArrayOf("bigint", page.except().toArray()));
                    } else {
                        explain.setLong(i, 1);
                    }
                }
                StringBuilder plan = new StringBuilder();
                try (ResultSet rows = explain.executeQuery()) {
                    while (rows.next()) {
                        plan.append(rows.getString(1)).append('\n');
                    }
                }
                return plan.toString();
            }
        }
    }
}
