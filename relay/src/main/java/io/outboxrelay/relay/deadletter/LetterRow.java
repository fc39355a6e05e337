package io.outboxrelay.relay.deadletter;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Locale;
import java.util.Optional;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.relay.deadletter.DeadLetter.Wish;

/** How a row of the table is read. */
final class LetterRow {

    /** All columns but the payload, in the order in which {@link #read} takes them. */
    static final String WITHOUT_PAYLOAD =
            "seq, name, event_id, aggregate_type, aggregate_id, type, headers, occurred_at,"
                    + " position, destination, parked, kind, reason, attempts, put_aside_at, tried_at, wish, wished_by";

    /** The same and the payload, which comes last. */
    static final String COLUMNS = WITHOUT_PAYLOAD + ", payload";

    private LetterRow() {}

    static DeadLetter read(ResultSet row) throws SQLException {
        return of(row, row.getBytes("payload"));
    }

    static DeadLetter readWithoutPayload(ResultSet row) throws SQLException {
        return of(row, null);
    }

    private static DeadLetter of(ResultSet row, byte[] payload) throws SQLException {
        return new DeadLetter(
                row.getLong("seq"),
                row.getString("name"),
                new OutboxEvent(
                        row.getString("event_id"),
                        row.getString("aggregate_type"),
                        row.getString("aggregate_id"),
                        row.getString("type"),
                        payload,
                        row.getString("headers"),
                        time(row, "occurred_at"),
                        new DeadLetter.Past(row.getString("position"))),
                row.getString("destination"),
                row.getBoolean("parked"),
                row.getString("kind"),
                row.getString("reason"),
                row.getInt("attempts"),
                time(row, "put_aside_at"),
                Optional.ofNullable(time(row, "tried_at")),
                Optional.ofNullable(row.getString("wish")).map(wish -> Wish.valueOf(wish.toUpperCase(Locale.ROOT))),
                Optional.ofNullable(row.getString("wished_by")));
    }

    private static Instant time(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }
}
