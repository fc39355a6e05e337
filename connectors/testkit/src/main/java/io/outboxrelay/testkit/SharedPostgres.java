package io.outboxrelay.testkit;

/** Started by whoever asks first, ended with the JVM. */
final class SharedPostgres {

    static final PostgresServer SERVER = PostgresServer.start();

    private SharedPostgres() {}
}
