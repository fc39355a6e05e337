package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.Optional;

/**
 * Postgres' own client of the log, {@code pg_recvlogical}, to {@code /dev/null}. It reads to the end that the log has at its
 * start, and ends by itself there.
 *
 * @param name as it was chosen
 * @param program its path
 * @param directory for its output
 */
record RecvlogicalSubject(String name, Path program, Path directory) implements Subject {

    static final String SLOT = "recvlogical";

    @Override
    public Kind kind() {
        return Kind.READER;
    }

    @Override
    public Optional<String> missing() {
        return Files.isExecutable(program)
                ? Optional.empty()
                : Optional.of("pg_recvlogical is not in PATH; -Dbenchmark.pg_recvlogical=FILE names it (Debian:"
                        + " postgresql-client)");
    }

    @Override
    public String description() {
        return "pg_recvlogical with pgoutput, to /dev/null";
    }

    @Override
    public void prepare(Outbox outbox) throws SQLException {
        outbox.createSlot(SLOT);
    }

    @Override
    public SubjectProcess start(Outbox outbox) throws IOException, SQLException {
        ProcessBuilder command = new ProcessBuilder(
                program.toString(),
                "--start",
                "--no-loop",
                "--slot=" + SLOT,
                "--endpos=" + outbox.endOfLog(),
                "--option=proto_version=1",
                "--option=publication_names=outbox_relay",
                "--file=/dev/null",
                "--host=" + outbox.address().host(),
                "--port=" + outbox.address().port(),
                "--username=" + outbox.address().user(),
                "--dbname=" + outbox.address().name());
        command.environment().put("PGPASSWORD", outbox.address().password());
        return SubjectProcess.start(command, directory.resolve(outbox.topic() + ".log"));
    }

    @Override
    public String readyLine() {
        throw new UnsupportedOperationException("it says nothing, and ends by itself");
    }

    @Override
    public Subject with(String lines) {
        throw new UnsupportedOperationException("pg_recvlogical has no such settings: " + lines);
    }

    @Override
    public Subject withHeap(int megabytes) {
        throw new UnsupportedOperationException("pg_recvlogical has no heap");
    }

    @Override
    public Subject keepingRows() {
        return this;
    }

    @Override
    public boolean removesRows() {
        return false;
    }
}
