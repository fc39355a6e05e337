package io.outboxrelay.benchmark;

import java.io.IOException;
import java.sql.SQLException;
import java.util.Optional;

/** What is measured: a program that reads an outbox, as a process of its own. Immutable. */
interface Subject {

    /** What a subject is, which tells what can be measured of it. */
    enum Kind {
        /** The relay with a source that reads the log. */
        RELAY_BY_LOG,
        /** The relay with the source that reads the table. */
        RELAY_BY_TABLE,
        /** Another program that brings rows to Kafka. */
        OTHER,
        /** Reads the log and brings it nowhere: how fast Postgres itself can be. */
        READER
    }

    /** As it was chosen, and as reports show it. */
    String name();

    Kind kind();

    /** Why it cannot be measured here, with the remedy; empty if it can. */
    Optional<String> missing();

    /** What runs, for the report: version and options. */
    String description();

    /** What is done once on a machine, before the first start. */
    default void install() throws IOException, InterruptedException {}

    /** Makes the subject's place in the log, so that what is committed from now on is its work. */
    void prepare(Outbox outbox) throws IOException, InterruptedException, SQLException;

    /** Starts it for this outbox; returns at once. */
    SubjectProcess start(Outbox outbox) throws IOException, SQLException;

    /** What a line of its output holds once it reads. */
    String readyLine();

    /** Starts it and waits until it reads. */
    default SubjectProcess startReady(Outbox outbox) throws IOException, InterruptedException, SQLException {
        return start(outbox).awaitLine(readyLine());
    }

    /** The same with more lines of its own configuration. */
    Subject with(String lines);

    /** The same with a heap of this size. */
    Subject withHeap(int megabytes);

    /** The same, but what was sent stays in the table. */
    Subject keepingRows();

    /** Whether rows leave the table after they were sent. */
    boolean removesRows();
}
