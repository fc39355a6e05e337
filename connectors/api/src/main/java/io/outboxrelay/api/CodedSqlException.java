package io.outboxrelay.api;

import java.sql.SQLException;
import java.util.Objects;

/** A failure of the database, or found in it, that means more than its SQLSTATE tells. */
public final class CodedSqlException extends SQLException implements Coded {

    private static final long serialVersionUID = 1L;

    private final Code code;

    /**
     * @param code what went wrong
     * @param message the same, in one line
     * @param sqlState as of any other failure; may be null
     */
    public CodedSqlException(Code code, String message, String sqlState) {
        super(message, sqlState);
        this.code = Objects.requireNonNull(code);
    }

    @Override
    public Code code() {
        return code;
    }
}
