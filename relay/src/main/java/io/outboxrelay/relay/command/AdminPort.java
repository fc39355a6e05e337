package io.outboxrelay.relay.command;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.NoSuchElementException;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

import io.outboxrelay.relay.config.AdminSettings;
import io.outboxrelay.relay.config.AdminTls;

/** The admin port of the relay that runs on this machine with the same configuration. */
final class AdminPort {

    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final int MOST_BYTES = 1 << 20;

    private final AdminSettings settings;

    AdminPort(AdminSettings settings) {
        this.settings = settings;
    }

    /** What was answered. */
    record Answer(int status, String body) {}

    /** Why there is nothing to ask; empty if there is. */
    String obstacle() {
        if (!settings.enabled()) {
            return "admin.enabled is false, so there is nothing to ask";
        }
        return settings.port() == 0 ? "admin.port is 0, so nobody knows which port to ask" : "";
    }

    /** Where something is answered. */
    String url(String path) {
        String host = switch (settings.host()) {
            case "0.0.0.0" -> "127.0.0.1";
            case "::", "[::]" -> "[::1]";
            default ->
                settings.host().contains(":") && !settings.host().startsWith("[")
                        ? "[" + settings.host() + "]"
                        : settings.host();
        };
        return (settings.tls().isPresent() ? "https://" : "http://") + host + ":" + settings.port() + path;
    }

    /**
     * Asks. Blocks for ten seconds at most.
     *
     * @throws IOException if nobody answers; the message is one line
     */
    Answer get(String path) throws IOException {
        // Much quicker to load than HttpClient, and this is run every few seconds as a probe.
        HttpURLConnection connection =
                (HttpURLConnection) URI.create(url(path)).toURL().openConnection();
        connection.setConnectTimeout((int) PATIENCE.toMillis());
        connection.setReadTimeout((int) PATIENCE.toMillis());
        connection.setInstanceFollowRedirects(false);
        try {
            if (settings.tls().isPresent() && connection instanceof HttpsURLConnection secure) {
                trust(settings.tls().get(), secure);
            }
            if (settings.access().protectReading()) {
                settings.access()
                        .token()
                        .ifPresent(token -> connection.setRequestProperty("Authorization", "Bearer " + token));
            }
            int status = connection.getResponseCode();
            InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream();
            return new Answer(status, in == null ? "" : new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new IOException("nobody answers at " + url(path) + ": " + e.getMessage(), e);
        } finally {
            connection.disconnect();
        }
    }

    /** The one certificate that the relay shows, whatever it is issued for: it is asked by an address of this machine. */
    private static void trust(AdminTls tls, HttpsURLConnection connection) throws IOException {
        try (InputStream file = Files.newInputStream(tls.certificate())) {
            KeyStore own = KeyStore.getInstance(KeyStore.getDefaultType());
            own.load(null, null);
            own.setCertificateEntry(
                    "relay",
                    CertificateFactory.getInstance("X.509")
                            .generateCertificates(file)
                            .iterator()
                            .next());
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(own);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            connection.setSSLSocketFactory(context.getSocketFactory());
            connection.setHostnameVerifier((name, session) -> true);
        } catch (GeneralSecurityException | NoSuchElementException e) {
            throw new IOException("admin.tls.certificate cannot be used: " + e.getMessage(), e);
        }
    }
}
