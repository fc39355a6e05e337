package io.outboxrelay.postgres;

/**
 * One thing that the database lacks, and the statement that makes it.
 *
 * @param what what is missing, for people
 * @param sql the statement, as it may be shown to anybody and be run by anybody
 * @param kind how it is run
 */
public record SetupStep(String what, String sql, Kind kind) {

    /** How a step is run. */
    public enum Kind {
        /** As it is written, in one transaction with the others. */
        STATEMENT,
        /** The same, but what is shown is a comment, without the password. */
        PASSWORD,
        /** After the others, in a transaction of its own. */
        AFTERWARDS
    }
}
