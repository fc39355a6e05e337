package io.outboxrelay.relay.deadletter;

import java.sql.SQLException;
import java.util.List;

import com.zaxxer.hikari.HikariDataSource;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static io.outboxrelay.relay.deadletter.DeadLetterDatabase.behind;
import static io.outboxrelay.relay.deadletter.DeadLetterDatabase.rejected;
import static org.assertj.core.api.Assertions.assertThat;

class DeadLetterPreflightTest {

    private DeadLetterDatabase aside;

    @BeforeEach
    void create() throws Exception {
        aside = new DeadLetterDatabase();
    }

    @AfterEach
    void drop() throws Exception {
        aside.close();
    }

    @Test
    void anEmptyTableIsAsItShouldBe() throws Exception {
        assertThat(DeadLetterPreflight.of(aside.database(), true).usable()).isTrue();
        assertThat(level(true)).isEqualTo(Finding.Level.OK);
    }

    @Test
    void aTableThatIsMissingMattersOnlyWhereItIsNeeded() throws Exception {
        aside.server().execute("DROP TABLE outbox_dead_letter");

        assertThat(DeadLetterPreflight.of(aside.database(), true).usable()).isFalse();
        assertThat(DeadLetterPreflight.of(aside.database(), true).finding().remedy())
                .contains("relay/V4__outbox_dead_letter.sql")
                .contains("schema public");
        assertThat(level(true)).isEqualTo(Finding.Level.ERROR);
        assertThat(level(false)).isEqualTo(Finding.Level.OK);
    }

    @Test
    void whatIsPutAsideIsToldWhateverThePolicyIs() throws Exception {
        aside.table().put(List.of(rejected("a1", "a", true), behind("a2", "a"), rejected("b1", "b", false)));

        assertThat(level(true)).isEqualTo(Finding.Level.WARNING);
        assertThat(DeadLetterPreflight.of(aside.database(), false).finding().text())
                .isEqualTo(
                        "3 event(s) are put aside, and 1 aggregate(s) are parked, whatever delivery.on-rejected is now");
    }

    @Test
    void theRemedyForMissingRightsIsSqlThatMendsThem() throws Exception {
        String role = "Reader of " + aside.database().address().name();
        aside.server().execute("CREATE ROLE \"" + role + "\"");
        try (HikariDataSource pool = new HikariDataSource()) {
            pool.setDataSource(aside.server().dataSource());
            pool.setConnectionInitSql("SET ROLE \"" + role + "\"");
            OutboxDatabase database = new OutboxDatabase(
                    aside.database().address(),
                    aside.database().table(),
                    aside.database().afterDelivery(),
                    pool);
            DeadLetterPreflight found = DeadLetterPreflight.of(database, true);
            assertThat(found.usable()).isFalse();
            assertThat(found.finding().level()).isEqualTo(Finding.Level.ERROR);
            assertThat(DeadLetterPreflight.of(database, false).finding().level())
                    .isEqualTo(Finding.Level.WARNING);

            aside.server().execute(found.finding().remedy());
            assertThat(DeadLetterPreflight.of(database, true).finding().level()).isEqualTo(Finding.Level.OK);
            new DeadLetterTable(database, connection -> true).put(List.of(rejected("a1", "a", true)));
            new DeadLetterTable(database, connection -> true).put(List.of(behind("a1", "a")));
            assertThat(new LetterDesk(database).discard("a1").wished()).isEqualTo(1);
            assertThat(new WishedLetters(database).discard(List.of())).hasSize(1);
        }
        aside.server().execute("DROP OWNED BY \"" + role + "\"; DROP ROLE \"" + role + "\"");
    }

    private Finding.Level level(boolean needed) throws SQLException {
        return DeadLetterPreflight.of(aside.database(), needed).finding().level();
    }
}
