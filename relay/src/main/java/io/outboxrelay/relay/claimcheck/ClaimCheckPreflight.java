package io.outboxrelay.relay.claimcheck;

import java.sql.SQLException;
import java.util.Optional;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.config.ClaimCheckSettings;
import io.outboxrelay.relay.ops.TableRights;

/** Looks, before anything is read, whether payloads could be stored. */
public final class ClaimCheckPreflight {

    private static final String SUBJECT = "claim-check";

    private ClaimCheckPreflight() {}

    /** Asks the database, and changes nothing. Empty if no payload is to be stored, and none to be fetched. */
    public static Optional<Finding> of(OutboxDatabase database, ClaimCheckSettings settings) throws SQLException {
        if (!settings.isUsed() && settings.token().isEmpty()) {
            return Optional.empty();
        }
        TableRights rights = TableRights.of(database, ClaimCheckTable.NAME);
        return Optional.of(settings.isUsed() ? ofStoring(rights) : ofFetching(rights));
    }

    private static Finding ofStoring(TableRights rights) {
        return switch (rights.access()) {
            case MISSING ->
                Finding.error(
                        Code.PAYLOAD_TABLE_MISSING,
                        SUBJECT,
                        rights.problem() + ", and payloads are to be stored there",
                        rights.creation() + ", or set delivery.oversize = reject and delivery.claim-check.types = [].");
            case CLOSED -> Finding.error(Code.PAYLOAD_TABLE_CLOSED, SUBJECT, rights.problem(), rights.grant());
            case OPEN -> readable(rights);
        };
    }

    /** The relay relays without it, so this is no error. */
    private static Finding ofFetching(TableRights rights) {
        String consequence = ", so no payload can be fetched from " + ClaimCheckEndpoint.PATH;
        return switch (rights.access()) {
            case MISSING ->
                Finding.warning(
                        Code.PAYLOAD_TABLE_MISSING,
                        SUBJECT,
                        rights.problem() + consequence,
                        rights.creation() + ", or unset delivery.claim-check.token.");
            case CLOSED ->
                Finding.warning(Code.PAYLOAD_TABLE_CLOSED, SUBJECT, rights.problem() + consequence, rights.grant());
            case OPEN -> readable(rights);
        };
    }

    private static Finding readable(TableRights rights) {
        return Finding.ok(SUBJECT, rights.table() + " can be read and written");
    }
}
