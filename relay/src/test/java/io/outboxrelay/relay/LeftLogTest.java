package io.outboxrelay.relay;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.schema.OutboxTable;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Every attempt to return to the log ends with it; a source that does what the test says. */
class LeftLogTest {

    private static final Finding READ_BY_17 =
            Finding.warning(Code.SLOT_NOT_DROPPED, "slot s", "is read by 17", "end it");
    private static final Finding READ_BY_18 =
            Finding.warning(Code.SLOT_NOT_DROPPED, "slot s", "is read by 18", "end it");

    private final ScriptedSource source = new ScriptedSource(false);
    private final List<String> told = new ArrayList<>();
    private final LeftLog log = new LeftLog(
            source,
            new OutboxDatabase(
                    new DatabaseAddress("localhost", 1, "db", "user", "secret", Map.of()),
                    OutboxTable.DEFAULT,
                    AfterDelivery.DELETE,
                    null),
            (code, text) -> told.add(code + " " + text));

    @Test
    void whatIsLeftIsToldOnceWhileItStaysTheSame() throws Exception {
        source.leaves(READ_BY_17);
        for (int attempt = 0; attempt < 3; attempt++) {
            assertThat(log.giveUp()).isFalse();
        }
        assertThat(told).containsExactly(READ_BY_17.toString());

        source.leaves(READ_BY_18);
        assertThat(log.giveUp()).isFalse();

        assertThat(told).containsExactly(READ_BY_17.toString(), READ_BY_18.toString());
    }

    @Test
    void itIsToldAgainIfItCameBack() throws Exception {
        source.leaves(READ_BY_17);
        log.giveUp();
        source.leaves();
        assertThat(log.giveUp()).isTrue();
        source.leaves(READ_BY_17);
        log.giveUp();

        assertThat(told).hasSize(2);
    }

    @Test
    void aRightThatIsMissingIsToldOnceAndIsNoReasonToWait() throws Exception {
        source.cannotBeAbandoned = new SQLException("permission denied", "42501");
        assertThat(log.giveUp()).isTrue();
        assertThat(log.giveUp()).isTrue();

        assertThat(told)
                .singleElement()
                .asString()
                .contains("cannot be given up")
                .contains("permission denied");
    }

    @Test
    void aDatabaseThatIsDownIsForTheCallerToWaitFor() {
        source.cannotBeAbandoned = new SQLException("Connection refused", "08001");

        assertThatThrownBy(log::giveUp).isSameAs(source.cannotBeAbandoned);
        assertThat(told).isEmpty();
    }
}
