package io.outboxrelay.testkit;

import java.time.Duration;
import java.util.List;
import java.util.Map;

import io.outboxrelay.api.DatabaseAddress;
import org.awaitility.Awaitility;
import org.testcontainers.postgresql.PostgreSQLContainer;

/** Postgres from the official image of the major version. */
final class DockerPostgresServer implements PostgresServer {

    private static final Duration START_LIMIT = Duration.ofSeconds(60);

    private final int port = FreePorts.next();
    private final PostgreSQLContainer container;
    private final ContainerLife life;

    DockerPostgresServer(Map<String, String> settings) {
        StringBuilder command = new StringBuilder("postgres");
        PostgresSettings.with(settings)
                .forEach((name, value) ->
                        command.append(" -c ").append(name).append('=').append(value));
        container = new PostgreSQLContainer("postgres:" + PostgresVersion.major())
                .withDatabaseName("postgres")
                .withUsername("postgres")
                .withPassword("postgres")
                .withCommand(command.toString());
        container.setPortBindings(List.of(port + ":5432"));
        container.start();
        life = new ContainerLife(container);
    }

    @Override
    public DatabaseAddress address() {
        return new DatabaseAddress(container.getHost(), port, "postgres", "postgres", "postgres", Map.of());
    }

    @Override
    public void stop() {
        life.stop();
    }

    @Override
    public void restart() {
        life.stop();
        life.start();
        Awaitility.await("Postgres to recover and answer")
                .atMost(START_LIMIT)
                .ignoreExceptions()
                .until(() -> TestDatabase.connect(address()).isValid(5));
    }

    @Override
    public void kill() {
        life.kill();
    }

    @Override
    public void signal(String name, int pid) {
        life.run("kill -" + name + " " + pid);
    }

    @Override
    public PostgresServer startStandby() {
        throw new UnsupportedOperationException("a standby needs a copy of the server's data, which lies in its"
                + " container; use -Dtest.servers=embedded");
    }

    @Override
    public void close() {
        container.stop();
    }
}
