package io.outboxrelay.relay.config;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;

/**
 * The section {@code tracing}, where something is to be traced.
 *
 * @param endpoint where spans go, path included
 * @param headers sent with each request, secrets among them
 * @param trustedCertificates who may vouch for the endpoint, as PEM; empty: whom Java trusts
 * @param serviceName {@code service.name} of the spans
 * @param resource what else is said of the relay, by the attributes' names
 * @param messagingSystem {@code messaging.system} of the spans
 * @param samplingRatio how many of the traces that begin here are recorded, from 0 to 1
 * @param maxQueuedSpans how many spans may wait for their export
 * @param connectTimeout how long a connection may take
 * @param exportTimeout how long a request may take, with all that is tried again
 * @param flushTimeout how long the end of the relay waits for spans that are not exported yet
 */
public record TracingSettings(
        URI endpoint,
        Map<String, String> headers,
        Optional<String> trustedCertificates,
        String serviceName,
        Map<String, String> resource,
        String messagingSystem,
        double samplingRatio,
        int maxQueuedSpans,
        Duration connectTimeout,
        Duration exportTimeout,
        Duration flushTimeout) {

    /** Spans in one request; a queue holds as many at least. */
    public static final int BATCH = 512;

    private static final String PATH = "/v1/traces";

    private static final String FILE = "-file";

    /** What the client sets itself, and lets nobody else set. */
    private static final Set<String> RESERVED = Set.of(
            "accept-encoding",
            "connection",
            "content-encoding",
            "content-length",
            "content-type",
            "expect",
            "host",
            "upgrade");

    /** @throws IllegalArgumentException if a number is out of range */
    public TracingSettings {
        headers = Map.copyOf(headers);
        resource = Map.copyOf(resource);
        Checks.notBlank("service-name", serviceName);
        Checks.atLeast("max-queued-spans", maxQueuedSpans, BATCH);
        if (!(samplingRatio >= 0 && samplingRatio <= 1)) {
            throw new IllegalArgumentException("sampling-ratio is " + samplingRatio + "; allowed: 0 to 1");
        }
    }

    /**
     * Reads all of the section, also what is not used.
     *
     * @param messagingSystem what the broker is called
     * @return empty where nothing is traced
     */
    static Optional<TracingSettings> read(Settings section, String messagingSystem) {
        Optional<URI> endpoint = section.optionalText("otlp-endpoint").map(text -> endpoint(section, text));
        Settings timeouts = section.section("timeouts");
        TracingSettings settings = new TracingSettings(
                endpoint.orElse(URI.create("http://localhost" + PATH)),
                headers(section.section("headers")),
                trusted(section),
                section.text("service-name"),
                section.texts("resource"),
                messagingSystem,
                section.number("sampling-ratio", 0, 1),
                section.integer("max-queued-spans", BATCH, 100_000),
                timeouts.duration("connect", Duration.ofMillis(100), Duration.ofMinutes(1)),
                timeouts.duration("export", Duration.ofSeconds(1), Duration.ofMinutes(1)),
                timeouts.duration("flush", Duration.ZERO, Duration.ofSeconds(5)));
        return endpoint.map(given -> settings);
    }

    /** Tells no header's value. */
    @Override
    public String toString() {
        return "tracing as " + serviceName + " to " + endpoint + ", headers " + headers.keySet() + ", ratio "
                + samplingRatio;
    }

    /** As OpenTelemetry's own settings have it, the path of traces is added to the endpoint of all signals. */
    private static URI endpoint(Settings section, String text) {
        try {
            URI uri = new URI(text);
            if (("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && uri.getHost() != null
                    && uri.getUserInfo() == null
                    && uri.getQuery() == null
                    && uri.getFragment() == null) {
                String plain = text.replaceFirst("/+$", "");
                return URI.create(plain.endsWith(PATH) ? plain : plain + PATH);
            }
        } catch (URISyntaxException e) {
            // As for one that names no host.
        }
        section.problem(
                "otlp-endpoint",
                "is no endpoint; allowed: http://HOST:PORT or https://HOST:PORT, secrets go to headers");
        return URI.create("http://localhost" + PATH);
    }

    private static Map<String, String> headers(Settings section) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String key : section.names()) {
            String name = key.endsWith(FILE) ? key.substring(0, key.length() - FILE.length()) : key;
            if (!name.matches("[A-Za-z0-9_-]+") || RESERVED.contains(name.toLowerCase(Locale.ROOT))) {
                section.problem(
                        "\"" + key + "\"",
                        "is no header to set; allowed: letters, digits, - and _, and none of "
                                + "those that the client sets, such as content-type");
                continue;
            }
            String value = section.secret(name).orElse("");
            if (!value.chars().allMatch(c -> c >= ' ' && c < 127)) {
                section.problem(key, "is no value of a header; allowed: visible ASCII characters and spaces");
            } else if (!value.isEmpty()) {
                headers.put(name, value);
            }
        }
        return headers;
    }

    private static Optional<String> trusted(Settings section) {
        Optional<String> file = section.optionalText("trusted-certificates");
        if (file.isEmpty()) {
            return Optional.empty();
        }
        try {
            byte[] pem = Files.readAllBytes(Path.of(file.get()));
            if (CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(pem))
                    .isEmpty()) {
                throw new CertificateException("no certificate in it");
            }
            return Optional.of(new String(pem, StandardCharsets.ISO_8859_1));
        } catch (CertificateException e) {
            section.problem("trusted-certificates", "is \"" + file.get() + "\", which holds no PEM certificates");
        } catch (IOException | RuntimeException e) {
            section.problem(
                    Code.CONFIG_FILE_UNREADABLE,
                    "trusted-certificates",
                    "cannot read " + file.get() + " (" + e.getClass().getSimpleName() + ")");
        }
        return Optional.empty();
    }
}
