package io.outboxrelay.relay.admin;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;

import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class AdminServerTest {

    private final Health health = new Health();
    private final Metrics metrics = new Metrics(health);
    private final HttpClient client = HttpClient.newHttpClient();
    private AdminServer server;

    @BeforeEach
    void start() throws IOException {
        server = AdminServer.start(LocalAdmin.at(0), health, metrics);
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
                .isEqualTo("{\"state\":\"HALTED\",\"since\":\"%1$s\",\"reason\":\"%2$s\",\"checks\":"
                                .formatted(health.status().since(), "the row \\\"a\\\\b\\\" is too large")
                        + "[{\"name\":\"relay\",\"ok\":false,\"since\":\"%1$s\",\"reason\":\"%2$s\"}]}"
                                .formatted(health.status().since(), "the row \\\"a\\\\b\\\" is too large"));
    }

    @Test
    @Timeout(60)
    void clientsThatNeverEndTheirRequestsAreCutOff() throws Exception {
        List<Socket> silent = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port());
            silent.add(socket);
            socket.getOutputStream().write("GET /health/live HT".getBytes(UTF_8));
            socket.getOutputStream().flush();
        }

        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        for (Socket socket : silent) {
            socket.close();
        }
    }

    @Test
    void aRelayThatCannotGoOnIsNotLive() throws Exception {
        health.is(Health.State.FAILED, "");

        assertThat(get("/health/live").statusCode()).isEqualTo(503);
    }

    @Test
    void aRelayThatPollsIsLiveAndReadyAndTellsItsMetrics() throws Exception {
        health.is(Health.State.POLLING, "the slot is gone");
        metrics.runBegan(false, () -> SourceStatus.UNKNOWN, () -> 5, () -> 2, () -> "closed");

        assertThat(get("/health/live").statusCode()).isEqualTo(200);
        assertThat(get("/health/ready").statusCode()).isEqualTo(200);
        assertThat(get("/metrics").headers().firstValue("Content-Type").orElse(""))
                .startsWith("text/plain");
        assertThat(get("/metrics").body())
                .contains("outbox_relay_state{state=\"polling\"} 1")
                .contains("outbox_relay_mode{mode=\"table\"} 1");
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
        assertThatThrownBy(() -> AdminServer.start(LocalAdmin.at(server.port()), health, metrics))
                .hasMessage("cannot listen at admin.host = 127.0.0.1, admin.port = " + server.port()
                        + ": Address already in use");
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        return client.send(HttpRequest.newBuilder(uri(path)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }
}
