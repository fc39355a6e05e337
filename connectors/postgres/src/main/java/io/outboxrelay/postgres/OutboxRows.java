package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;

/**
 * Reads unsent rows from the outbox table as events, in the order of {@code seq}. What {@code mark} has marked is left
 * out. Keeps nothing between two calls; safe for use by many threads.
 *
 * <p>A page is one statement and so one snapshot. It needs an index that begins with {@code seq}, and follows it whatever
 * the server knows of the table: of a limit that only a subquery tells the planner assumes a tenth of all rows, and so
 * never that reading all and sorting them is cheaper. The text is the same for every page of a kind, so that the driver
 * prepares it on the server.
 */
public final class OutboxRows {

    /** Fixed places in the result; headers and the time follow where the table has them. */
    private static final int SEQ = 1;

    private static final int PAYLOAD = 6;

    /**
     * Which rows to read.
     *
     * @param after only rows with a greater {@code seq}; {@link Long#MIN_VALUE} for all
     * @param upTo only rows with this {@code seq} or a smaller one; {@link Long#MAX_VALUE} for all
     * @param except rows to leave out, by {@code seq}
     * @param shard only rows of this shard, if any
     * @param maxRows the most rows
     * @param maxBytes about how many bytes of payload and headers; one row is read even if it is larger
     */
    public record Page(
            long after, long upTo, Collection<Long> except, Optional<Shard> shard, int maxRows, long maxBytes) {

        /** Refuses a page of nothing. */
        public Page {
            if (maxRows < 1 || maxBytes < 1) {
                throw new IllegalArgumentException("a page holds at least one row and one byte");
            }
        }

        /** The first rows of all that are unsent. */
        public static Page first(int maxRows, long maxBytes) {
            return new Page(Long.MIN_VALUE, Long.MAX_VALUE, List.of(), Optional.empty(), maxRows, maxBytes);
        }

        /** The page that follows one whose last row has that {@code seq}. */
        public Page after(long seq) {
            return new Page(seq, upTo, except, shard, maxRows, maxBytes);
        }
    }

    /**
     * A part of the aggregates, by a hash of the aggregate id; rows without one are in one part.
     *
     * @param index from 0
     * @param count how many parts there are
     */
    public record Shard(int index, int count) {

        /** Refuses a part that there is not. */
        public Shard {
            if (index < 0 || index >= count) {
                throw new IllegalArgumentException("there is no shard " + index + " of " + count);
            }
        }

        /**
         * The shard's number of a row, as SQL. Where the parts are many and the table is long, an index on this expression
         * and {@code seq} spares each of them the rows of the others.
         */
        public static String expression(OutboxTable table, int count) {
            return "((hashtext(coalesce(" + Identifier.quote(table.columns().aggregateId())
                    + "::text, '') COLLATE \"C\") & 2147483647) % " + count + ")";
        }
    }

    private final OutboxTable table;
    private final List<String> columns;
    private final int headers;
    private final int createdAt;
    private final String unsent;

    /**
     * @param database whose table has a column {@code seq}
     * @throws IllegalArgumentException if none is configured
     */
    public OutboxRows(OutboxDatabase database) {
        this.table = database.table();
        OutboxColumns names = table.columns();
        String seq = names.seq()
                .orElseThrow(() ->
                        new IllegalArgumentException("outbox.columns.seq names no column: nothing orders " + table));
        this.columns = Stream.of(
                        Stream.of(
                                seq,
                                names.id(),
                                names.aggregateType(),
                                names.aggregateId(),
                                names.type(),
                                names.payload()),
                        names.headers().stream(),
                        names.createdAt().stream())
                .flatMap(name -> name)
                .map(Identifier::quote)
                .toList();
        this.headers = names.headers().isPresent() ? PAYLOAD + 1 : 0;
        this.createdAt = names.createdAt().isPresent() ? columns.size() : 0;
        this.unsent = database.afterDelivery().unsent();
    }

    /**
     * Reads a page. Each event's position is a {@link SeqPosition}; its time is that of the row, a {@code timestamp}
     * without a zone being taken as UTC, or the time of reading where the row has none. Changes nothing, and leaves the
     * transaction as it is.
     */
    public List<OutboxEvent> read(Connection connection, Page page) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql(page))) {
            int parameter = 0;
            statement.setLong(++parameter, page.after());
            if (page.upTo() != Long.MAX_VALUE) {
                statement.setLong(++parameter, page.upTo());
            }
            if (!page.except().isEmpty()) {
                statement.setObject(
                        ++parameter,
                        page.except().stream().mapToLong(Long::longValue).toArray());
            }
            statement.setLong(++parameter, page.maxBytes());
            try (ResultSet row = statement.executeQuery()) {
                return events(row);
            }
        }
    }

    /** Whether there is any unsent row with a greater {@code seq}. */
    public boolean any(Connection connection, long after) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT " + columns.get(0) + " FROM "
                + table.quoted() + " WHERE " + columns.get(0) + " > ? AND " + unsent + " ORDER BY " + columns.get(0)
                + " LIMIT 1")) {
            statement.setLong(1, after);
            try (ResultSet row = statement.executeQuery()) {
                return row.next();
            }
        }
    }

    /** The statement of a page: its parameters are the bounds, what to leave out if anything, and the bytes. */
    String sql(Page page) {
        // Of a range with two ends the planner believes that it is short, and would sort what an open one would not.
        StringBuilder where = new StringBuilder(columns.get(0) + " > ?");
        if (page.upTo() != Long.MAX_VALUE) {
            where.append(" AND ").append(columns.get(0)).append(" <= ?");
        }
        where.append(" AND ").append(unsent);
        page.shard()
                .ifPresent(shard -> where.append(" AND ")
                        .append(Shard.expression(table, shard.count()))
                        .append(" = ")
                        .append(shard.index()));
        if (!page.except().isEmpty()) {
            // Unlike <> ALL, this is one look into a hash table per row on every version.
            where.append(" AND ").append(columns.get(0)).append(" NOT IN (SELECT unnest(?))");
        }
        String named = Stream.iterate(1, i -> i + 1)
                .limit(columns.size())
                .map(i -> columns.get(i - 1) + " AS c" + i)
                .collect(Collectors.joining(", "));
        String names = Stream.iterate(1, i -> i + 1)
                .limit(columns.size())
                .map(i -> "c" + i)
                .collect(Collectors.joining(", "));
        String bytes = bytes(PAYLOAD) + (headers == 0 ? "" : " + " + bytes(headers));
        return "SELECT " + names + " FROM (SELECT " + names
                + ", sum(bytes) OVER (ORDER BY c1 ROWS UNBOUNDED PRECEDING) - bytes AS before FROM (SELECT " + named
                + ", " + bytes + " AS bytes FROM " + table.quoted() + " WHERE " + where + " ORDER BY " + columns.get(0)
                + " LIMIT (SELECT " + page.maxRows() + ")) AS found) AS page WHERE before < ? ORDER BY c1";
    }

    /**
     * How long a column's value is in memory. Only what is stored compressed must be unpacked to tell;
     * such a {@code bytea} counts twice, for its text is hexadecimal.
     */
    private String bytes(int column) {
        String name = columns.get(column - 1);
        return "coalesce(CASE WHEN pg_column_compression(" + name + ") IS NULL THEN pg_column_size(" + name
                + ") ELSE octet_length(" + name + "::text) END, 0)";
    }

    private List<OutboxEvent> events(ResultSet row) throws SQLException {
        ResultSetMetaData types = row.getMetaData();
        boolean[] binary = new boolean[columns.size() + 1];
        for (int column = SEQ + 1; column <= columns.size(); column++) {
            binary[column] = types.getColumnType(column) == Types.BINARY;
        }
        String time = createdAt == 0 ? "" : types.getColumnTypeName(createdAt);
        Instant now = Instant.now();
        List<OutboxEvent> events = new ArrayList<>();
        while (row.next()) {
            Instant created = created(row, time);
            events.add(new OutboxEvent(
                    text(row, 2, binary),
                    text(row, 3, binary),
                    text(row, 4, binary),
                    text(row, 5, binary),
                    // Of anything but bytea, the text as it came, which is UTF-8 whatever the database's encoding.
                    row.getBytes(PAYLOAD),
                    headers == 0 ? null : text(row, headers, binary),
                    created == null ? now : created,
                    new SeqPosition(row.getLong(SEQ))));
        }
        return events;
    }

    private static String text(ResultSet row, int column, boolean[] binary) throws SQLException {
        if (!binary[column]) {
            return row.getString(column);
        }
        byte[] bytes = row.getBytes(column);
        return bytes == null ? null : "\\x" + HexFormat.of().formatHex(bytes);
    }

    /** Null if the row does not tell, or tells that it was always or will never be. */
    private Instant created(ResultSet row, String type) throws SQLException {
        switch (type) {
            case "timestamptz" -> {
                OffsetDateTime time = row.getObject(createdAt, OffsetDateTime.class);
                return time == null || time.equals(OffsetDateTime.MAX) || time.equals(OffsetDateTime.MIN)
                        ? null
                        : time.toInstant();
            }
            case "timestamp" -> {
                LocalDateTime time = row.getObject(createdAt, LocalDateTime.class);
                return time == null || time.equals(LocalDateTime.MAX) || time.equals(LocalDateTime.MIN)
                        ? null
                        : time.toInstant(ZoneOffset.UTC);
            }
            default -> {
                return null;
            }
        }
    }
}
