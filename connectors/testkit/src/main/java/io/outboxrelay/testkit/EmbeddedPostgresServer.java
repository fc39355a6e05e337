package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.api.DatabaseAddress;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;

/** Postgres as a child process, unpacked from a Maven artefact. Runs as root too, in a user namespace of its own. */
final class EmbeddedPostgresServer implements PostgresServer {

    private static final Duration START_LIMIT = Duration.ofSeconds(60);

    private final Map<String, String> settings;
    private final int port = FreePorts.next();
    private final ServerDirectory directory = new ServerDirectory("postgres");
    private final Path data = directory.resolve("data");
    private final Path log = directory.resolve("server.log");
    private final Thread endWithTheJvm = new Thread(this::end, "postgres-" + port + "-end");

    /** Null while stopped. */
    private EmbeddedPostgres running;

    EmbeddedPostgresServer(Map<String, String> settings) {
        this.settings = PostgresSettings.with(settings);
        Runtime.getRuntime().addShutdownHook(endWithTheJvm);
        begin();
        requirePasswords();
    }

    /** A standby: its data is a copy. */
    private EmbeddedPostgresServer(EmbeddedPostgresServer primary) {
        this.settings = primary.settings;
        Runtime.getRuntime().addShutdownHook(endWithTheJvm);
        BaseBackup.take(primary.address(), primary.data, data, "standby_" + port);
        begin();
    }

    @Override
    public DatabaseAddress address() {
        return new DatabaseAddress("localhost", port, "postgres", "postgres", "postgres", Map.of());
    }

    @Override
    public synchronized void stop() {
        if (running == null) {
            return;
        }
        List<ProcessHandle> processes = processes();
        closeRunning();
        // The library gives a shutdown five seconds. A server that still waits for a client to read is killed.
        killAll(processes);
    }

    @Override
    public synchronized void restart() {
        stop();
        begin();
    }

    @Override
    public synchronized void kill() {
        if (running == null) {
            return;
        }
        killAll(processes());
        closeRunning();
    }

    @Override
    public void signal(String name, int pid) {
        try {
            int status = new ProcessBuilder("kill", "-" + name, Integer.toString(pid))
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IllegalStateException("kill -" + name + " " + pid + " ended with status " + status);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    @Override
    public PostgresServer startStandby() {
        return new EmbeddedPostgresServer(this);
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(endWithTheJvm);
        end();
    }

    private synchronized void end() {
        stop();
        directory.delete();
    }

    private void begin() {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                .setPort(port)
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setRegisterShutdownHook(false)
                .setPGStartupWait(START_LIMIT)
                .setLocaleConfig("locale", "C")
                .setConnectConfig("password", address().password())
                .setErrorRedirector(Redirect.appendTo(log.toFile()))
                .setOutputRedirector(Redirect.appendTo(log.toFile()));
        settings.forEach(builder::setServerConfig);
        try {
            running = builder.start();
        } catch (IOException | IllegalStateException e) {
            throw new IllegalStateException("Postgres did not start on port " + port + ":\n" + endOfLog(), e);
        }
    }

    /** As the images do, so that a test of passwords means the same on both. */
    private void requirePasswords() {
        try (Connection connection = TestDatabase.connect(address());
                Statement statement = connection.createStatement()) {
            statement.execute("ALTER ROLE postgres PASSWORD '" + address().password() + "'");
            Files.writeString(data.resolve("pg_hba.conf"), """
                    local all all trust
                    host all,replication all localhost scram-sha-256
                    """);
            statement.execute("SELECT pg_reload_conf()");
        } catch (IOException | SQLException e) {
            throw new IllegalStateException("could not make Postgres ask for passwords", e);
        }
    }

    private void closeRunning() {
        try {
            running.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            running = null;
        }
    }

    /**
     * The postmaster first: it must not see its children die. The library's own process is the {@code pg_ctl} that started
     * it, and has ended.
     */
    private List<ProcessHandle> processes() {
        Path pidFile = data.resolve("postmaster.pid");
        try (Stream<String> lines = Files.lines(pidFile)) {
            long pid = Long.parseLong(lines.findFirst().orElseThrow().strip());
            return ProcessHandle.of(pid).stream()
                    .flatMap(postmaster -> Stream.concat(Stream.of(postmaster), postmaster.descendants()))
                    .toList();
        } catch (NoSuchFileException ended) {
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + pidFile, e);
        }
    }

    private static void killAll(List<ProcessHandle> processes) {
        processes.forEach(ProcessHandle::destroyForcibly);
        processes.forEach(process -> process.onExit().join());
    }

    private String endOfLog() {
        try {
            List<String> lines = Files.readAllLines(log);
            return lines.stream().skip(Math.max(0, lines.size() - 20)).collect(Collectors.joining("\n"));
        } catch (IOException e) {
            return "(its log cannot be read: " + e + ")";
        }
    }
}
