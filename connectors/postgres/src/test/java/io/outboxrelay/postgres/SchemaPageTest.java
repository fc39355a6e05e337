package io.outboxrelay.postgres;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.regex.Pattern;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Finding;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/** What {@code docs/schema.md} tells its readers to run, runs. */
class SchemaPageTest {

    private static final Path PAGE = Path.of("../../docs/schema.md");

    @ParameterizedTest
    @EnumSource
    void itNamesEveryScript(SchemaScript script) throws IOException {
        assertThat(Files.readString(PAGE)).contains(script.path().replace("db/outbox/postgres/", "`"));
    }

    @Test
    void itsSqlRunsFromTopToBottom() throws IOException, SQLException {
        try (TestDatabase database = PostgresServer.shared().createDatabase()) {
            database.execute(SchemaScript.TABLE.sql());
            database.execute(SchemaScript.RELAY.sql());

            for (String block : blocks("sql")) {
                database.execute(block);
            }

            var table = new OutboxTable("public", "outboxevent", OutboxColumns.DEBEZIUM);
            try (Connection connection = database.connect()) {
                assertThat(new LogPreflight(table, AfterDelivery.DELETE, Preflight.SETTINGS, "outboxevent_relay")
                                .check(connection))
                        .filteredOn(finding -> finding.level() != Finding.Level.OK)
                        .extracting(Finding::subject)
                        .containsExactly("max_slot_wal_keep_size");
            }
        }
    }

    @Test
    void itsChangeSetsAreTheTestedOnes() throws IOException {
        String tested = Files.readString(Path.of("src/test/resources/changelog.xml"));

        assertThat(tested.replaceAll("\\s+", " "))
                .contains(blocks("xml").get(0).strip().replaceAll("\\s+", " "));
    }

    private static List<String> blocks(String language) throws IOException {
        return Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(PAGE))
                .results()
                .map(block -> block.group(1))
                .toList();
    }
}
