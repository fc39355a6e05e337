package io.outboxrelay.relay.claimcheck;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.ops.Transaction;
import io.outboxrelay.schema.Identifier;

/** The table {@code outbox_claim_check} of one outbox. Safe for use by any thread; every method blocks for the database. */
final class ClaimCheckTable {

    /** Its name; its schema is the outbox's. */
    static final String NAME = "outbox_claim_check";

    /** A payload and what refers to it. */
    @SuppressWarnings("ArrayRecordComponent") // Passed along, never compared.
    record Entry(ClaimCheck check, byte[] payload) {}

    /** A payload that is there. */
    record Stored(long size, String sha256) {}

    private final OutboxDatabase database;
    private final String outbox;
    private final String table;

    /** @param database the database with the outbox; the table is in the outbox's schema */
    ClaimCheckTable(OutboxDatabase database) {
        this.database = database;
        this.outbox = database.table().toString();
        this.table = Identifier.quote(database.table().schema()) + "." + NAME;
    }

    /** The outbox, as it stands in the table. */
    String outbox() {
        return outbox;
    }

    /** Stores payloads, all or none, durably. One that is there is kept for so long from now on. */
    void store(List<Entry> entries, Duration keepFor) throws SQLException {
        Transaction.run(database.dataSource(), connection -> {
            try (Statement durably = connection.createStatement();
                    PreparedStatement insert = connection.prepareStatement("INSERT INTO " + table
                            + " AS there (id, outbox, payload, sha256, expires_at)"
                            + " VALUES (?, ?, ?, ?, now() + ? * interval '1 millisecond')"
                            + " ON CONFLICT (id) DO UPDATE"
                            + " SET expires_at = greatest(there.expires_at, excluded.expires_at)")) {
                // A service that can lose its last transactions loses their events with them; a reference stays.
                durably.execute("SET LOCAL synchronous_commit = on");
                for (Entry entry : entries) {
                    insert.setString(1, entry.check().id());
                    insert.setString(2, outbox);
                    insert.setBytes(3, entry.payload());
                    insert.setBytes(4, HexFormat.of().parseHex(entry.check().sha256()));
                    insert.setLong(5, keepFor.toMillis());
                    insert.executeUpdate();
                }
            }
            return entries.size();
        });
    }

    /** Keeps payloads for so long from now on, where they would not be kept for at least so long. */
    void keep(Collection<String> ids, Duration keepFor, Duration atLeast) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement update = connection.prepareStatement("UPDATE " + table
                        + " SET expires_at = now() + ? * interval '1 millisecond'"
                        + " WHERE id = ANY (?) AND expires_at < now() + ? * interval '1 millisecond'")) {
            update.setLong(1, keepFor.toMillis());
            update.setArray(2, connection.createArrayOf("text", ids.toArray()));
            update.setLong(3, atLeast.toMillis());
            update.executeUpdate();
        }
    }

    /** Deletes payloads that need not be kept any longer, the oldest first, and at most so many; tells how many. */
    int deleteExpired(int most) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement delete = connection.prepareStatement("DELETE FROM " + table
                        + " WHERE id IN (SELECT id FROM " + table
                        + " WHERE outbox = ? AND expires_at < now() ORDER BY expires_at LIMIT ?"
                        + " FOR UPDATE SKIP LOCKED)")) {
            delete.setString(1, outbox);
            delete.setInt(2, most);
            return delete.executeUpdate();
        }
    }

    /** What is there of this id. */
    Optional<Stored> find(String id) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT octet_length(payload), sha256 FROM " + table + " WHERE id = ? AND outbox = ?")) {
            select.setString(1, id);
            select.setString(2, outbox);
            try (ResultSet row = select.executeQuery()) {
                return row.next()
                        ? Optional.of(new Stored(row.getLong(1), HexFormat.of().formatHex(row.getBytes(2))))
                        : Optional.empty();
            }
        }
    }

    /** A part of a payload; empty if it was deleted. */
    Optional<byte[]> part(String id, long from, int length) throws SQLException {
        try (Connection connection = database.dataSource().getConnection();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT substring(payload FROM ? FOR ?) FROM " + table + " WHERE id = ? AND outbox = ?")) {
            select.setInt(1, (int) (from + 1));
            select.setInt(2, length);
            select.setString(3, id);
            select.setString(4, outbox);
            try (ResultSet row = select.executeQuery()) {
                return row.next() ? Optional.of(row.getBytes(1)) : Optional.empty();
            }
        }
    }
}
