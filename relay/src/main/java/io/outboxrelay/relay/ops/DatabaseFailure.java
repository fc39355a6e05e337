package io.outboxrelay.relay.ops;

import java.net.UnknownHostException;
import java.sql.SQLException;

import io.outboxrelay.api.Code;

/**
 * What a failure to reach or to use the service's database means for an operator.
 *
 * @param code what is wrong
 * @param reached whether the database answered, and let the relay in
 * @param waitingMends whether another attempt may succeed although nobody changes a setting
 * @param text what failed, in one line
 * @param remedy what mends it; empty where only waiting does
 */
public record DatabaseFailure(Code code, boolean reached, boolean waitingMends, String text, String remedy) {

    /**
     * Judges by the SQLSTATE.
     *
     * @see <a href="https://www.postgresql.org/docs/current/errcodes-appendix.html">PostgreSQL error codes</a>
     */
    public static DatabaseFailure of(SQLException failure) {
        SQLException cause = deepest(failure);
        String state = cause.getSQLState() == null ? "" : cause.getSQLState();
        String said = line(cause);
        if (state.equals("28P01")) {
            return wrong(
                    Code.DATABASE_PASSWORD,
                    "the database refuses the relay: " + said,
                    "mend database.user or database.password");
        }
        if (state.equals("28000")) {
            return wrong(
                    Code.DATABASE_REFUSES,
                    "the database refuses the relay: " + said,
                    "create the role, or mend database.user, database.properties.sslmode or the server's pg_hba.conf");
        }
        if (state.equals("3D000")) {
            return wrong(
                    Code.DATABASE_MISSING,
                    "the database refuses the relay: " + said,
                    "mend database.name, or create the database");
        }
        if (state.equals("08004")) {
            return wrong(
                    Code.DATABASE_REFUSES,
                    "the database refuses the relay: " + said,
                    "mend database.password, database.properties.sslmode or the server's pg_hba.conf");
        }
        if (state.equals("42501")) {
            return new DatabaseFailure(
                    Code.DATABASE_RIGHT_MISSING,
                    true,
                    false,
                    said,
                    "grant the role of database.user what the script of outbox-schema grants");
        }
        if (state.equals("42P01") || state.equals("3F000")) {
            return new DatabaseFailure(
                    Code.DATABASE_TABLE_MISSING,
                    true,
                    false,
                    said,
                    "apply the migration of outbox-schema, or mend outbox.schema and outbox.table");
        }
        if (cause.getCause() instanceof UnknownHostException) {
            return waiting(
                    "the database cannot be reached: the host "
                            + cause.getCause().getMessage() + " is unknown",
                    "mend database.host, if waiting does not");
        }
        if (state.startsWith("08") || state.startsWith("57P")) {
            return waiting(
                    "the database cannot be reached: " + said, "start it, or mend database.host and database.port");
        }
        return new DatabaseFailure(
                Code.DATABASE_FAILED, true, true, said + (state.isEmpty() ? "" : " (SQLSTATE " + state + ")"), "");
    }

    /** One line for a log or a terminal. */
    @Override
    public String toString() {
        String sentence = text + (text.endsWith(".") ? "" : ".");
        return remedy.isEmpty() ? sentence : sentence + " Remedy: " + remedy;
    }

    private static DatabaseFailure wrong(Code code, String text, String remedy) {
        return new DatabaseFailure(code, false, false, text, remedy);
    }

    private static DatabaseFailure waiting(String text, String remedy) {
        return new DatabaseFailure(Code.DATABASE_UNREACHABLE, false, true, text, remedy);
    }

    /** A pool wraps what the driver said, and what the driver said is what helps. */
    private static SQLException deepest(SQLException failure) {
        return failure.getCause() instanceof SQLException deeper ? deepest(deeper) : failure;
    }

    /** The server's first line: those behind it, DETAIL and CONTEXT, may hold the content of a row. */
    private static String line(SQLException failure) {
        return failure.getMessage() == null
                ? failure.getClass().getSimpleName()
                : failure.getMessage().strip().split("\\R", 2)[0];
    }
}
