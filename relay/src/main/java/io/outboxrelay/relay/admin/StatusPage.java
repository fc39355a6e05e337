package io.outboxrelay.relay.admin;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

import static java.nio.charset.StandardCharsets.UTF_8;

/** The page for people. It holds no data, and asks the API for them; only its own script and style may be used on it. */
final class StatusPage {

    private static final String RESOURCE = "status.html";

    private final Answer answer;

    private StatusPage(Answer answer) {
        this.answer = answer;
    }

    static StatusPage load() {
        byte[] page;
        try (InputStream in = StatusPage.class.getResourceAsStream(RESOURCE)) {
            page = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String text = new String(page, UTF_8);
        return new StatusPage(Answer.of(200, "text/html; charset=utf-8", text)
                .with(
                        "Content-Security-Policy",
                        "default-src 'none'; script-src " + hash(text, "script") + "; style-src " + hash(text, "style")
                                + "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
                                + " frame-ancestors 'none'; require-trusted-types-for 'script'"));
    }

    Answer answer() {
        return answer;
    }

    private static String hash(String page, String element) {
        String open = "<" + element + ">";
        String content = page.substring(page.indexOf(open) + open.length(), page.indexOf("</" + element + ">"));
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(content.getBytes(UTF_8));
            return "'sha256-" + Base64.getEncoder().encodeToString(hash) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java knows SHA-256", e);
        }
    }
}
