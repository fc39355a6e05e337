package io.outboxrelay.testkit;

/** Which Postgres the tests run on: the system property {@code postgres.version}. */
final class PostgresVersion {

    private PostgresVersion() {}

    static int major() {
        String version = System.getProperty("postgres.version");
        if (version == null) {
            throw new IllegalStateException("the system property postgres.version is not set; the build sets it, in an"
                    + " IDE set it to the version in the parent POM");
        }
        return Integer.parseInt(version.split("\\.", 2)[0]);
    }
}
