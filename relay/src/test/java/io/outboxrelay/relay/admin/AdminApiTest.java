package io.outboxrelay.relay.admin;

import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.deadletter.DeadLetter.Wish;
import io.outboxrelay.relay.ops.Health;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

/** What the API answers, and whom. */
class AdminApiTest {

    private static final String BEARER = "Bearer " + LocalAdmin.TOKEN;
    private static final String ANNA = basic("anna:a-long-password-of-anna");

    private final HttpClient client = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private ScriptedRelay relay;

    @BeforeEach
    void start() throws Exception {
        relay = new ScriptedRelay(LocalAdmin.at(0, LocalAdmin.ACTING));
    }

    @AfterEach
    void stop() throws Exception {
        relay.close();
    }

    @Test
    void theStatusTellsStateFiguresAndErrorsToWhoeverAsks() throws Exception {
        relay.runs(true, "closed");
        relay.health().is(Health.State.STREAMING, "");
        relay.passed(false);
        relay.tell(ScriptedRelay.figures(
                new OutboxFigures.Slot("outbox_relay", true, "reserved", 100, 50), 7, Duration.ofMillis(1500), 2, 1));
        Instant at = Instant.parse("2026-01-01T00:00:00Z");
        relay.tellErrors(new RecentErrors.Line(at, at, 3, "WARN", "OR-4001 the broker failed"));

        JsonNode status = body(get("/api/status", null));

        assertThat(status.at("/state").asText()).isEqualTo("STREAMING");
        assertThat(status.at("/live").asBoolean() && status.at("/ready").asBoolean())
                .isTrue();
        assertThat(status.at("/mode").asText()).isEqualTo("log");
        assertThat(status.at("/leader/here").asBoolean()).isTrue();
        assertThat(status.at("/lag/seconds").asDouble()).isEqualTo(1.5);
        assertThat(status.at("/waiting/rows").asLong()).isEqualTo(7);
        assertThat(status.at("/slot/retainedBytes").asLong()).isEqualTo(100);
        assertThat(status.at("/slot/limitBytes").asLong()).isEqualTo(10 * ScriptedRelay.GIGABYTE);
        assertThat(status.at("/deadLetters/events").asLong()).isEqualTo(2);
        assertThat(status.at("/broker/breaker").asText()).isEqualTo("closed");
        assertThat(status.at("/totals/settled").asLong()).isEqualTo(48_213_977);
        assertThat(status.at("/rates/eventsPerSecond").asDouble()).isPositive();
        assertThat(status.at("/latency/p99Seconds").asDouble()).isPositive();
        assertThat(status.at("/errors/0/code").asText()).isEqualTo("OR-4001");
        assertThat(status.at("/errors/0/times").asLong()).isEqualTo(3);
        assertThat(status.at("/access/actions")).hasToString("[\"token\",\"users\"]");
        assertThat(status.toString()).doesNotContain(LocalAdmin.TOKEN, "a-long-password", "anna");
    }

    @Test
    void whatNobodyKnowsIsNullAndNeverNaN() throws Exception {
        String status = get("/api/status", null).body();

        assertThat(status)
                .contains("\"slot\":null", "\"mode\":null", "\"deadLetters\":null")
                .doesNotContain("NaN");
    }

    @Test
    void theHistoryHoldsFifteenMinutesAndThenOnlyWhatIsNew() throws Exception {
        relay.passed(true);

        JsonNode all = body(get("/api/history", null)).get("samples");
        long last = all.get("at").get(449).asLong();
        relay.history()
                .add(new Sample(
                        Instant.ofEpochMilli(last + 2000),
                        Health.State.STREAMING,
                        5,
                        Double.NaN,
                        0,
                        Double.NaN,
                        0.1,
                        0.2));
        JsonNode fresh = body(get("/api/history?after=" + last, null)).get("samples");

        assertThat(all.get("at")).hasSize(450);
        assertThat(all.get("ready").get(449).asBoolean()).isFalse();
        assertThat(all.get("p50Seconds").get(449).isNull()).isTrue();
        assertThat(fresh.get("at")).hasSize(1);
        assertThat(fresh.get("settledPerSecond").get(0).asDouble()).isEqualTo(5);
        assertThat(body(get("/api/history", null)).at("/samples/at"))
                .as("the oldest goes")
                .hasSize(450);
    }

    @Test
    void deadLettersAreListedInPagesWithoutTheirContent() throws Exception {
        for (int i = 1; i <= 3; i++) {
            relay.putAside("e" + i, "a" + i, false, "too large");
        }

        JsonNode first = body(get("/api/dead-letters?limit=2", null));
        HttpResponse<String> second =
                get("/api/dead-letters?limit=2&after=" + first.get("next").asLong(), null);

        assertThat(first.get("deadLetters").findValuesAsText("id")).containsExactly("e1", "e2");
        assertThat(body(second).get("deadLetters").findValuesAsText("id")).containsExactly("e3");
        assertThat(body(second).get("next").isNull()).isTrue();
        assertThat(second.body()).doesNotContain("secret payload");
    }

    @Test
    void theTokenAndAUserMayActAndNobodyElse() throws Exception {
        relay.putAside("e1", "a1", false, "too large");
        for (String wrong : List.of(
                "",
                "Bearer",
                "Bearer " + LocalAdmin.TOKEN + "x",
                "Basic " + LocalAdmin.TOKEN,
                basic("anna:wrong"),
                basic("ann:a-long-password-of-anna"),
                "Basic %%%")) {
            HttpResponse<String> refused = post("/api/dead-letters/redrive", "{\"id\":\"e1\"}", wrong);
            assertThat(refused.statusCode()).as(wrong).isEqualTo(401);
            assertThat(refused.headers().firstValue("WWW-Authenticate").orElse(""))
                    .as("no browser asks for a password by itself, and keeps it")
                    .startsWith("Bearer");
        }
        assertThat(relay.desk().find("e1").get(0).letter().wish()).isEmpty();

        assertThat(post("/api/dead-letters/redrive", "{\"id\":\"e1\"}", BEARER).statusCode())
                .isEqualTo(202);
        assertThat(relay.desk().find("e1").get(0).letter().wish()).contains(Wish.REDRIVE);
        HttpResponse<String> discarded = post("/api/dead-letters/discard", "{\"id\":\"e1\"}", ANNA);
        assertThat(discarded.body()).isEqualTo("{\"wish\":\"discard\",\"events\":1}");
        assertThat(relay.desk().find("e1").get(0).letter().wish()).contains(Wish.DISCARD);
    }

    @Test
    void whatWaitsBehindAnotherEventIsAConflictAndWhatIsNotThereIsNotFound() throws Exception {
        relay.putAside("e1", "a1", true, "too large");
        relay.putAside("e2", "a1", true, "waits");

        assertThat(post("/api/dead-letters/redrive", "{\"id\":\"e2\"}", BEARER).statusCode())
                .isEqualTo(409);
        assertThat(post("/api/dead-letters/redrive", "{\"id\":\"e9\"}", BEARER).statusCode())
                .isEqualTo(404);
        assertThat(post("/api/dead-letters/redrive", "{\"all\":true,\"id\":\"e1\"}", BEARER)
                        .statusCode())
                .isEqualTo(400);
        assertThat(post("/api/dead-letters/discard", "{}", BEARER).statusCode()).isEqualTo(400);
        assertThat(post("/api/dead-letters/redrive", "{\"aggregate\":\"order/a1\"}", BEARER)
                        .body())
                .isEqualTo("{\"wish\":\"redrive\",\"events\":2}");
        assertThat(post("/api/dead-letters/redrive", "{\"all\":true}", BEARER).body())
                .contains("\"events\":2");
    }

    @Test
    void anotherSitesPageMayNotActWhateverItSends() throws Exception {
        relay.putAside("e1", "a1", false, "too large");
        String path = "/api/dead-letters/discard";
        String body = "{\"id\":\"e1\"}";

        assertThat(post(path, body, BEARER, "Origin", "https://evil.example").statusCode())
                .isEqualTo(403);
        assertThat(post(path, body, BEARER, "Origin", "null").statusCode()).isEqualTo(403);
        assertThat(post(path, body, BEARER, "Sec-Fetch-Site", "cross-site").statusCode())
                .isEqualTo(403);
        assertThat(send(request(path, BEARER)
                                .header("Content-Type", "text/plain")
                                .POST(HttpRequest.BodyPublishers.ofString(body)))
                        .statusCode())
                .isEqualTo(415);
        assertThat(send(request(path, BEARER).method("OPTIONS", HttpRequest.BodyPublishers.noBody()))
                        .statusCode())
                .as("a question before the request is not granted")
                .isEqualTo(405);
        assertThat(relay.desk().find("e1").get(0).letter().wish()).isEmpty();
        assertThat(post(path, body, BEARER, "Origin", "http://127.0.0.1:" + relay.port())
                        .statusCode())
                .isEqualTo(202);
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 200",
        "localhost:9999, 200",
        "[::1]:9470, 200",
        "evil.example, 403",
        "127.0.0.1.evil.example, 403",
        "localhost.evil.example:80, 403"
    })
    void aNameThatSomebodyElseOwnsLeadsNoBrowserHere(String host, int code) throws Exception {
        assertThat(raw("GET /api/status HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 " + code);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "{", "7", "{} {}", ""})
    void whatIsNoJsonObjectIsRefused(String body) throws Exception {
        HttpResponse<String> refused = post("/api/dead-letters/redrive", body, BEARER);

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(body(refused).get("error").asText()).isEqualTo("the request is no JSON object");
    }

    @Test
    void largeRequestsAndWrongNumbersAreRefused() throws Exception {
        String large = "{\"id\":\"" + "x".repeat(Guard.MOST_BYTES) + "\"}";

        assertThat(post("/api/dead-letters/redrive", large, BEARER).statusCode())
                .isEqualTo(413);
        assertThat(get("/api/dead-letters?limit=0", null).statusCode()).isEqualTo(400);
        assertThat(get("/api/dead-letters?limit=many", null).statusCode()).isEqualTo(400);
        assertThat(get("/api/nothing", null).statusCode()).isEqualTo(404);
        HttpResponse<String> wrongMethod = post("/api/status", "{}", BEARER);
        assertThat(wrongMethod.statusCode()).isEqualTo(405);
        assertThat(wrongMethod.headers().firstValue("Allow")).contains("GET");
        assertThat(send(request("/api/status", null).method("HEAD", HttpRequest.BodyPublishers.noBody()))
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void everyAnswerForbidsWhatABrowserMightDoWithIt() throws Exception {
        HttpResponse<String> page = get("/", null);
        String policy = page.headers().firstValue("Content-Security-Policy").orElse("");

        assertThat(policy)
                .contains("default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "frame-ancestors 'none'")
                .doesNotContain("unsafe");
        for (String path : List.of("/", "/api/status", "/health/live", "/nothing")) {
            Map<String, List<String>> headers = get(path, null).headers().map();
            assertThat(headers)
                    .as(path)
                    .containsEntry("cache-control", List.of("no-store"))
                    .containsEntry("x-content-type-options", List.of("nosniff"))
                    .containsEntry("x-frame-options", List.of("DENY"))
                    .containsEntry("referrer-policy", List.of("no-referrer"))
                    .containsKey("content-security-policy")
                    .doesNotContainKeys("access-control-allow-origin", "set-cookie");
        }
    }

    @Test
    void thePageFetchesNothingFromElsewhere() throws Exception {
        assertThat(get("/", null).body().replace("http://www.w3.org/2000/svg", ""))
                .doesNotContain("http:", "https:", "@import");
    }

    @Test
    void withoutCredentialsNobodyMayAct() throws Exception {
        try (ScriptedRelay open = new ScriptedRelay(LocalAdmin.at(0))) {
            HttpResponse<String> refused =
                    send(HttpRequest.newBuilder(URI.create(open.address() + "api/dead-letters/redrive"))
                            .header("Content-Type", "application/json")
                            .header("Authorization", BEARER)
                            .POST(HttpRequest.BodyPublishers.ofString("{\"all\":true}")));

            assertThat(refused.statusCode()).isEqualTo(403);
            assertThat(refused.body()).contains("admin.token");
        }
    }

    @Test
    void readingIsProtectedWhereThatIsAskedForAndProbesNeverAre() throws Exception {
        AdminAccess access = new AdminAccess(Optional.of(LocalAdmin.TOKEN), Map.of(), true, Set.of());
        try (ScriptedRelay closed = new ScriptedRelay(LocalAdmin.at(0, access))) {
            for (String path : List.of("api/status", "api/history", "api/dead-letters", "api/log-levels", "metrics")) {
                HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(closed.address() + path));
                assertThat(send(request).statusCode()).as(path).isEqualTo(401);
                assertThat(send(request.header("Authorization", BEARER)).statusCode())
                        .as(path)
                        .isEqualTo(200);
            }
            for (String path : List.of("health/live", "")) {
                assertThat(send(HttpRequest.newBuilder(URI.create(closed.address() + path)))
                                .statusCode())
                        .as(path)
                        .isEqualTo(200);
            }
        }
    }

    @Test
    void logLevelsAreShownAndChanged() throws Exception {
        String logger = "io.outboxrelay.relay.admin";
        String asked = "{\"logger\":\"" + logger + "\",\"level\":\"%s\"}";

        assertThat(post("/api/log-levels", asked.formatted("debug"), null).statusCode())
                .isEqualTo(401);
        HttpResponse<String> changed = post("/api/log-levels", asked.formatted("debug"), BEARER);
        assertThat(body(changed).get("levels").get(logger).asText()).isEqualToIgnoringCase("debug");
        assertThat(post("/api/log-levels", asked.formatted("loud"), BEARER).statusCode())
                .isEqualTo(400);
        assertThat(post("/api/log-levels", "{\"logger\":\"org.postgresql\",\"level\":\"trace\"}", BEARER)
                        .statusCode())
                .as("a library would log what passes through it")
                .isEqualTo(400);
        post("/api/log-levels", asked.formatted("inherit"), BEARER);
        assertThat(body(get("/api/log-levels", null)).get("levels").has(logger)).isFalse();
    }

    @Test
    void aDatabaseThatDoesNotAnswerIsSaidSo() throws Exception {
        relay.server().execute("DROP TABLE outbox_dead_letter");

        HttpResponse<String> refused = get("/api/dead-letters", null);

        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(body(refused).get("error").asText()).contains("outbox_dead_letter");
    }

    private HttpResponse<String> get(String path, String authorization) throws Exception {
        return send(request(path, authorization));
    }

    private HttpResponse<String> post(String path, String body, String authorization, String... headers)
            throws Exception {
        HttpRequest.Builder request = request(path, authorization)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body));
        return send(headers.length == 0 ? request : request.headers(headers));
    }

    private HttpRequest.Builder request(String path, String authorization) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + relay.port() + path))
                .timeout(Duration.ofSeconds(60));
        return authorization == null || authorization.isEmpty()
                ? request
                : request.header("Authorization", authorization);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private JsonNode body(HttpResponse<String> response) throws Exception {
        return json.readTree(response.body());
    }

    private String raw(String request) throws Exception {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), relay.port())) {
            socket.getOutputStream().write(request.getBytes(UTF_8));
            socket.getOutputStream().flush();
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    private static String basic(String pair) {
        return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(UTF_8));
    }
}
