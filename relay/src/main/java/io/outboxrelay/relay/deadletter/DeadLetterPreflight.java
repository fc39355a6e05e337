package io.outboxrelay.relay.deadletter;

import java.sql.SQLException;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.ops.TableRights;

/**
 * What was found of the table {@code outbox_dead_letter}.
 *
 * @param usable whether it is there, and the relay's role may read and write it
 * @param finding what to tell
 */
public record DeadLetterPreflight(boolean usable, Finding finding) {

    private static final String SUBJECT = "dead letters";

    /**
     * Asks the database. Changes nothing.
     *
     * @param needed whether the policy for rejected events puts them into the table
     */
    public static DeadLetterPreflight of(OutboxDatabase database, boolean needed) throws SQLException {
        TableRights rights = TableRights.of(database, DeadLetterTable.NAME);
        return switch (rights.access()) {
            case MISSING -> new DeadLetterPreflight(false, missing(rights, needed));
            case CLOSED -> new DeadLetterPreflight(false, closed(rights, needed));
            case OPEN -> new DeadLetterPreflight(true, there(new WishedLetters(database).counts(), needed));
        };
    }

    private static Finding missing(TableRights rights, boolean needed) {
        return needed
                ? Finding.error(
                        Code.DEAD_LETTER_TABLE_MISSING,
                        SUBJECT,
                        rights.problem() + ", and delivery.on-rejected puts events there",
                        rights.creation() + ", or set delivery.on-rejected = halt.")
                : Finding.ok(SUBJECT, "no table for them, and none is needed");
    }

    private static Finding closed(TableRights rights, boolean needed) {
        return needed
                ? Finding.error(Code.DEAD_LETTER_TABLE_CLOSED, SUBJECT, rights.problem(), rights.grant())
                : Finding.warning(
                        Code.DEAD_LETTER_TABLE_CLOSED,
                        SUBJECT,
                        rights.problem() + ", so aggregates that are parked there are not held back",
                        rights.grant());
    }

    private static Finding there(DeadLetterCounts counts, boolean needed) {
        if (counts.letters() == 0) {
            return Finding.ok(SUBJECT, "none");
        }
        String text = DeadLetterCounts.text(counts.letters()) + " event(s) are put aside, and "
                + DeadLetterCounts.text(counts.parkedKeys()) + " aggregate(s) are parked"
                + (needed ? "" : ", whatever delivery.on-rejected is now");
        return Finding.warning(
                Code.DEAD_LETTERS_THERE, SUBJECT, text, "See outbox-relay dead-letters list; redrive or discard them.");
    }
}
