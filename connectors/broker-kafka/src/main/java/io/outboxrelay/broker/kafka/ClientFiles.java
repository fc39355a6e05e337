package io.outboxrelay.broker.kafka;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.config.provider.DirectoryConfigProvider;
import org.apache.kafka.common.config.provider.FileConfigProvider;

/** Which files Kafka's clients read when they are made. */
final class ClientFiles {

    private static final Set<String> LOCATIONS =
            Set.of(SslConfigs.SSL_KEYSTORE_LOCATION_CONFIG, SslConfigs.SSL_TRUSTSTORE_LOCATION_CONFIG);

    /** As Kafka reads it: provider, path, key. */
    private static final Pattern REFERENCE = Pattern.compile("\\$\\{([^}:]*):([^}:]*):([^}]*)}");

    private ClientFiles() {}

    /** The key and trust stores, and what values refer to as {@code ${file:…}} and {@code ${directory:…}}. */
    static Set<Path> of(Map<String, Object> client) {
        Set<Path> files = new TreeSet<>();
        client.forEach((name, value) -> {
            if (value instanceof String text) {
                REFERENCE
                        .matcher(text)
                        .results()
                        .flatMap(reference -> file(reference, client).stream())
                        .forEach(files::add);
                if (LOCATIONS.contains(name) && !text.contains("${")) {
                    path(text).ifPresent(files::add);
                }
            }
        });
        return files;
    }

    private static Optional<Path> file(MatchResult reference, Map<String, Object> client) {
        Object provider = client.get("config.providers." + reference.group(1) + ".class");
        if (FileConfigProvider.class.getName().equals(provider)) {
            return path(reference.group(2));
        }
        return DirectoryConfigProvider.class.getName().equals(provider)
                ? path(reference.group(2)).map(directory -> directory.resolve(reference.group(3)))
                : Optional.empty();
    }

    /** What is no path is for Kafka to refuse. */
    private static Optional<Path> path(String text) {
        try {
            return Optional.of(Path.of(text)).filter(path -> !text.isBlank());
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }
}
