package io.outboxrelay.relay;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.HaltedEvent;
import io.outboxrelay.schema.Identifier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operator's word about halted events, read from the table {@code outbox_relay_request}: any process may write it,
 * the relay that holds the events acts on it.
 *
 * <p>A {@code skip} stays in the table: it is the record of what was left unsent, and it holds if the relay is killed
 * before its position has moved. A {@code retry} is taken out before it is tried.
 */
public final class OperatorRequests {

    private static final Logger log = LoggerFactory.getLogger(OperatorRequests.class);

    /** What an operator can say. */
    public enum Action {
        /** Try the event once more. */
        RETRY,
        /** Leave the event unsent and go on. */
        SKIP
    }

    private final OutboxDatabase database;
    private final String table;

    /** @param database the database with the outbox; the requests are in the outbox's schema */
    public OperatorRequests(OutboxDatabase database) {
        this.database = database;
        this.table = Identifier.quote(database.table().schema()) + ".outbox_relay_request";
    }

    /** Writes the operator's word about an event; the last word counts. */
    public void say(String eventId, Action action) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement upsert = connection.prepareStatement("INSERT INTO " + table
                        + " (event_id, action) VALUES (?, ?) ON CONFLICT (event_id) DO UPDATE"
                        + " SET action = excluded.action, requested_by = current_user, requested_at = now()")) {
            upsert.setString(1, eventId);
            upsert.setString(2, action.name().toLowerCase(java.util.Locale.ROOT));
            upsert.executeUpdate();
        }
    }

    /** Acts on every request about an event that is halted. */
    void apply(Delivery delivery, List<HaltedEvent> halted) throws SQLException, InterruptedException {
        String[] ids = halted.stream().map(event -> event.event().name()).toArray(String[]::new);
        for (Map.Entry<String, Action> request : read(ids).entrySet()) {
            String id = request.getKey();
            if (request.getValue() == Action.SKIP) {
                if (delivery.skip(id)) {
                    log.warn("{} Skipped event {} at the operator's word: it stays unsent", Code.EVENT_SKIPPED, id);
                }
            } else {
                delete(id);
                if (delivery.retry(id)) {
                    log.info("Trying event {} once more at the operator's word", id);
                }
            }
        }
    }

    private Map<String, Action> read(String[] ids) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT event_id, action FROM " + table + " WHERE event_id = ANY (?)")) {
            select.setArray(1, connection.createArrayOf("text", ids));
            Map<String, Action> requests = new LinkedHashMap<>();
            try (ResultSet rows = select.executeQuery()) {
                while (rows.next()) {
                    requests.put(rows.getString(1), rows.getString(2).equals("skip") ? Action.SKIP : Action.RETRY);
                }
            }
            return requests;
        }
    }

    private void delete(String eventId) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement delete =
                        connection.prepareStatement("DELETE FROM " + table + " WHERE event_id = ?")) {
            delete.setString(1, eventId);
            delete.executeUpdate();
        }
    }
}
