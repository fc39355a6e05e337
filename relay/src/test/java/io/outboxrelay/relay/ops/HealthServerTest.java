package io.outboxrelay.relay.ops;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

import io.outboxrelay.relay.config.HealthSettings;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class HealthServerTest {

    private final Health health = new Health();
    private final HttpClient client = HttpClient.newHttpClient();
    private HealthServer server;

    @BeforeEach
    void start() throws IOException {
        server = HealthServer.start(new HealthSettings(true, "127.0.0.1", 0), health);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void aRelayThatStreamsIsLiveAndReady() throws Exception {
        health.is(Health.State.STREAMING, "");

        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        assertThat(get("/health/ready").statusCode()).isEqualTo(200);
    }

    @Test
    void aHaltedRelayIsLiveAndNotReadyAndSaysWhy() throws Exception {
        health.is(Health.State.HALTED, "the row \"a\\b\" is too large");

        HttpResponse<String> ready = get("/health/ready");

        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(ready.headers().firstValue("Content-Type")).contains("application/json");
        assertThat(ready.body())
                .isEqualTo("{\"state\":\"HALTED\",\"since\":\""
                        + health.status().since()
                        + "\",\"reason\":\"the row \\\"a\\\\b\\\" is too large\"}");
    }

    @Test
    void aRelayThatCannotGoOnIsNotLive() throws Exception {
        health.is(Health.State.FAILED, "");

        assertThat(get("/health/live").statusCode()).isEqualTo(503);
    }

    @Test
    void nothingElseIsAnswered() throws Exception {
        assertThat(get("/health").statusCode()).isEqualTo(404);
        assertThat(get("/health/ready/").statusCode()).isEqualTo(404);
        assertThat(client.send(
                                HttpRequest.newBuilder(uri("/health/live"))
                                        .POST(HttpRequest.BodyPublishers.ofString("x"))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString())
                        .statusCode())
                .isEqualTo(405);
    }

    @Test
    void aPortThatIsTakenIsNamedWithItsSetting() {
        assertThatThrownBy(() -> HealthServer.start(new HealthSettings(true, "127.0.0.1", server.port()), health))
                .hasMessage("cannot listen at health.host = 127.0.0.1, health.port = " + server.port()
                        + ": Address already in use");
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }
}
