package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Set;

import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

class OpenWritersTest {

    private TestDatabase database;

    @BeforeEach
    void create() throws SQLException {
        database = PostgresServer.shared().createDatabase();
    }

    @AfterEach
    void drop() throws SQLException {
        database.close();
    }

    @ParameterizedTest
    @CsvSource({"TABLE, outbox", "PARTITIONED_TABLE, outbox", "PARTITIONED_TABLE, outbox_p1"})
    void aTransactionThatInsertedIsOpenUntilItEnds(SchemaScript script, String table) throws SQLException {
        database.execute(script.sql());
        try (Connection writer = database.connect();
                Connection reader = database.connect();
                Statement statement = writer.createStatement()) {
            writer.setAutoCommit(false);
            assertThat(OpenWriters.read(reader, OutboxTable.DEFAULT)).isEmpty();

            statement.execute("INSERT INTO " + table + " (seq, type) VALUES (1, 'x')");

            Set<String> open = OpenWriters.read(reader, OutboxTable.DEFAULT);
            assertThat(open).hasSize(1);
            writer.commit();
            assertThat(OpenWriters.read(reader, OutboxTable.DEFAULT)).isEmpty();

            statement.execute("INSERT INTO " + table + " (seq, type) VALUES (2, 'x')");

            assertThat(OpenWriters.read(reader, OutboxTable.DEFAULT)).hasSize(1).doesNotContainAnyElementsOf(open);
        }
    }

    @Test
    void aPreparedTransactionIsOpenUntilItIsCommittedAlsoAfterARestart() throws SQLException {
        try (PostgresServer server = PostgresServer.start(Map.of("max_prepared_transactions", "10"))) {
            TestDatabase own = server.createDatabase();
            own.execute(SchemaScript.TABLE.sql());
            Set<String> open;
            try (Connection writer = own.connect();
                    Connection reader = own.connect();
                    Statement statement = writer.createStatement()) {
                writer.setAutoCommit(false);
                statement.execute("INSERT INTO outbox (seq, type) VALUES (1, 'x')");
                open = OpenWriters.read(reader, OutboxTable.DEFAULT);

                statement.execute("PREPARE TRANSACTION 'older'");

                open = OpenWriters.stillOpen(open, OpenWriters.read(reader, OutboxTable.DEFAULT));
                assertThat(open).hasSize(1);
            }
            server.restart();
            try (Connection reader = own.connect()) {
                open = OpenWriters.stillOpen(open, OpenWriters.read(reader, OutboxTable.DEFAULT));
                assertThat(open).hasSize(1).allMatch(OpenWriters::isRenamed);

                own.execute("BEGIN; INSERT INTO outbox (seq, type) VALUES (2, 'x'); PREPARE TRANSACTION 'newer'");
                assertThat(OpenWriters.stillOpen(open, OpenWriters.read(reader, OutboxTable.DEFAULT)))
                        .as("what came later does not keep it back")
                        .isEqualTo(open);

                own.execute("COMMIT PREPARED 'older'");
                assertThat(OpenWriters.stillOpen(open, OpenWriters.read(reader, OutboxTable.DEFAULT)))
                        .isEmpty();
            }
        }
    }

    @Test
    void whoReadsOrWritesElsewhereIsNoWriter() throws SQLException {
        database.execute(SchemaScript.TABLE.sql() + "; CREATE TABLE other (id int)");
        try (TestDatabase another = PostgresServer.shared().createDatabase();
                Connection there = another.connect();
                Statement elsewhere = there.createStatement();
                Connection writer = database.connect();
                Connection reader = database.connect();
                Statement statement = writer.createStatement()) {
            another.execute(SchemaScript.TABLE.sql());
            there.setAutoCommit(false);
            elsewhere.execute("INSERT INTO outbox (type) VALUES ('x')");
            writer.setAutoCommit(false);
            statement.execute("INSERT INTO other VALUES (1)");
            statement.execute("SELECT count(*) FROM outbox");

            assertThat(OpenWriters.read(reader, OutboxTable.DEFAULT)).isEmpty();
        }
    }
}
