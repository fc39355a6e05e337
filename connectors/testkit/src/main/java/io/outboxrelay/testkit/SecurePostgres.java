package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/**
 * A Postgres that lets nobody in but over TLS, with a certificate in the role's name and with its password (SCRAM). Only the
 * superuser comes without, so that the test can look. Needs embedded servers.
 */
public final class SecurePostgres {

    private final Path directory;

    /**
     * @param directory for its files; exists
     * @param authority has issued the server's certificate, and those of its clients
     */
    public SecurePostgres(Path directory, CertificateAuthority authority) {
        this.directory = directory;
        IssuedCertificate server = authority.issue("localhost");
        write("server.crt", server.certificatePem());
        write("server.key", server.keyPem());
        trust(authority);
        write("pg_hba.conf", """
                local all all trust
                host all,replication postgres localhost trust
                hostssl all all localhost scram-sha-256 clientcert=verify-full
                """);
    }

    /** What {@link PostgresServer#start(Map)} takes. */
    public Map<String, String> settings() {
        return Map.of(
                "hba_file", directory.resolve("pg_hba.conf").toString(),
                "ssl", "on",
                "ssl_cert_file", directory.resolve("server.crt").toString(),
                "ssl_key_file", directory.resolve("server.key").toString(),
                "ssl_ca_file", directory.resolve("clients.crt").toString(),
                "ssl_min_protocol_version", "TLSv1.2");
    }

    /** Clients are let in by certificates of this authority alone, once the server has read its configuration again. */
    public void trust(CertificateAuthority authority) {
        write("clients.crt", authority.certificatePem());
    }

    private void write(String name, String text) {
        try {
            Path file = directory.resolve(name);
            Files.writeString(file, text);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
