package io.outboxrelay.relay.ops;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Work that is done as a whole or not at all. */
public final class Transaction {

    /** What is done in it. */
    @FunctionalInterface
    public interface Work<T> {
        /** Neither commits nor takes back. */
        T in(Connection connection) throws SQLException;
    }

    private Transaction() {}

    /**
     * Does the work and commits it. If it fails, it is taken back first, since the driver commits when auto-commit is
     * switched on. Of several errors the first is thrown: of a connection that is lost meanwhile, why it was lost.
     */
    public static <T> T run(DataSource dataSource, Work<T> work) throws SQLException {
        try (Connection connection = dataSource.getConnection()) {
            connection.setAutoCommit(false);
            T result;
            try {
                result = work.in(connection);
                connection.commit();
            } catch (SQLException | RuntimeException e) {
                takeBack(connection, e);
                throw e;
            }
            connection.setAutoCommit(true);
            return result;
        }
    }

    private static void takeBack(Connection connection, Exception failure) {
        try {
            connection.rollback();
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            failure.addSuppressed(e);
        }
    }
}
