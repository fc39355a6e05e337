package io.outboxrelay.relay.config;

import java.nio.file.Path;
import java.util.Optional;

import io.outboxrelay.api.config.Settings;

/**
 * Where the admin port's own certificate is: {@code admin.tls}.
 *
 * @param certificate a PEM file with the certificate and those that vouch for it, in this order
 * @param key a PEM file with its private key in PKCS #8, not encrypted
 */
public record AdminTls(Path certificate, Path key) {

    /** Empty where plain HTTP is spoken. */
    static Optional<AdminTls> read(Settings section) {
        Optional<String> certificate = section.optionalText("certificate");
        Optional<String> key = section.optionalText("key");
        if (certificate.isPresent() != key.isPresent()) {
            section.problem(
                    certificate.isPresent() ? "key" : "certificate",
                    "is missing; certificate and key are given together");
        }
        return certificate.isPresent() && key.isPresent()
                ? Optional.of(new AdminTls(Path.of(certificate.get()), Path.of(key.get())))
                : Optional.empty();
    }
}
