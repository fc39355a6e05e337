package io.outboxrelay.relay.claimcheck;

import java.lang.reflect.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import javax.sql.DataSource;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.relay.admin.AdminServer;
import io.outboxrelay.relay.admin.LocalAdmin;
import io.outboxrelay.relay.config.ClaimCheckSettings;
import io.outboxrelay.relay.config.Oversize;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

@Timeout(120)
class StoredPayloadsTest {

    private static final String TOKEN = "a-token-of-this-test";

    private final HttpClient client = HttpClient.newHttpClient();
    private TestDatabase server;
    private OutboxDatabase database;
    private StoredPayloads payloads;

    @BeforeEach
    void open() throws SQLException {
        server = PostgresServer.shared().createDatabase();
        server.execute(SchemaScript.TABLE.sql() + SchemaScript.DEAD_LETTER.sql());
        database = new OutboxDatabase(server.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, server.dataSource());
        payloads = StoredPayloads.open(database, settings(1 << 20), attempt -> 1L);
    }

    @AfterEach
    void close() throws SQLException {
        payloads.close();
        server.close();
    }

    @Test
    void aMessageThatIsHandedBackRefersToAPayloadThatIsCommitted() throws Exception {
        byte[] payload = random(300_000);
        Message message = store(event("e1", payload));

        assertThat(new String(message.payload(), java.nio.charset.StandardCharsets.UTF_8))
                .isEqualTo("{\"claimCheck\":\"" + message.headers().get("claim-check") + "\",\"sha256\":\""
                        + sha256(payload) + "\",\"size\":300000}");
        assertThat(message.headers())
                .containsEntry("claim-check-sha256", sha256(payload))
                .containsEntry("claim-check-size", "300000")
                .containsEntry("id", "e1");
        assertThat(bytes("SELECT payload FROM outbox_claim_check WHERE id = '"
                        + message.headers().get("claim-check") + "'"))
                .isEqualTo(payload);
        assertThat(bytes("SELECT sha256 FROM outbox_claim_check"))
                .isEqualTo(HexFormat.of().parseHex(sha256(payload)));
    }

    @Test
    void whoWaitsIsToldWhenNothingIsStoredAnyMoreAfterAnUnexpectedFailure() {
        OutboxEvent nameless = new OutboxEvent(null, "order", "1", "placed", random(1_000), "{}", Instant.EPOCH, null);

        assertThat(payloads.store(nameless, message()).toCompletableFuture())
                .failsWithin(Duration.ofSeconds(20))
                .withThrowableOfType(ExecutionException.class)
                .withCauseInstanceOf(NullPointerException.class);
        OutboxEvent next = event("e1", random(1_000));
        assertThat(payloads.store(next, message(next)).toCompletableFuture()).failsWithin(Duration.ofSeconds(20));
    }

    @Test
    void aReplayStoresTheSamePayloadUnderTheSameIdAndKeepsItLonger() throws Exception {
        Message first = store(event("e1", random(1_000)));
        server.execute("UPDATE outbox_claim_check SET expires_at = now()");
        Message again = store(event("e1", random(1_000)));

        assertThat(again.headers()).isEqualTo(first.headers());
        assertThat(text("SELECT count(*) || ' ' || bool_and(expires_at > now() + interval '7 days')"
                        + " FROM outbox_claim_check"))
                .isEqualTo("1 true");
    }

    @Test
    void twoEventsNeverShareAPayload() throws Exception {
        String one = store(event("e1", random(1_000))).headers().get("claim-check");
        String other = store(event("e2", random(1_000))).headers().get("claim-check");
        String sameIdOtherContent = store(event("e1", random(2_000))).headers().get("claim-check");

        assertThat(Set.of(one, other, sameIdOtherContent)).hasSize(3);
    }

    @Test
    void anEventNameOf100KilobytesIsNoHindrance() throws Exception {
        String name = HexFormat.of().formatHex(random(100_000));

        assertThat(store(event(name, random(10))).headers().get("claim-check")).hasSize(64);
    }

    @Test
    void aPayloadAboveTheLargestSizeIsRejectedAndTheSettingIsNamed() {
        assertThatThrownBy(() -> store(event("e1", random((1 << 20) + 1))))
                .hasCauseInstanceOf(RejectedException.class)
                .hasMessageContaining("delivery.claim-check.max-size");
    }

    @Test
    void whileTheTableIsGoneTheEventWaitsAndItSaysWhy() throws Exception {
        server.execute("ALTER TABLE outbox_claim_check RENAME TO hidden");
        CompletableFuture<Message> stored =
                payloads.store(event("e1", random(10)), message()).toCompletableFuture();
        await("the failure to be told")
                .atMost(Duration.ofSeconds(30))
                .until(() -> payloads.failure().isPresent());
        assertThat(stored).isNotDone();

        server.execute("ALTER TABLE hidden RENAME TO outbox_claim_check");
        stored.get(30, TimeUnit.SECONDS);
        assertThat(payloads.failure()).isEmpty();
    }

    @Test
    void whyPayloadsCannotBeStoredIsToldAsTheDatabaseSaysItAndNoneOfThemIsStored() throws Exception {
        server.execute("ALTER TABLE outbox_claim_check ADD CONSTRAINT small CHECK (octet_length(payload) < 100)");

        assertThat(stateOfFailedStore()).isEqualTo("23514");
        assertThat(text("SELECT count(*) FROM outbox_claim_check")).isEqualTo("0");
    }

    @Test
    void whyTheConnectionWasLostIsToldAndNotThatItIs() throws Exception {
        server.execute("""
                CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
                CREATE TRIGGER ends BEFORE INSERT ON outbox_claim_check FOR EACH ROW EXECUTE FUNCTION end_session();
                """);

        assertThat(stateOfFailedStore()).isEqualTo("57P01");
    }

    private String stateOfFailedStore() {
        ClaimCheckTable table = new ClaimCheckTable(database);
        List<ClaimCheckTable.Entry> entries = Stream.of(event("e1", random(10)), event("e2", random(1_000)))
                .map(event -> new ClaimCheckTable.Entry(ClaimCheck.of(table.outbox(), event), event.payload()))
                .toList();
        SQLException failure = catchThrowableOfType(SQLException.class, () -> table.store(entries, Duration.ofDays(7)));
        return failure.getSQLState();
    }

    @Test
    void anUnexpectedFailureIsToldAndTriedAgain() throws Exception {
        AtomicBoolean fails = new AtomicBoolean(true);
        DataSource dataSource = (DataSource) Proxy.newProxyInstance(
                DataSource.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, arguments) -> {
                    if (fails.get()) {
                        throw new IllegalStateException("unexpected");
                    }
                    return method.invoke(server.dataSource(), arguments);
                });
        payloads.close();
        payloads = StoredPayloads.open(
                new OutboxDatabase(database.address(), database.table(), database.afterDelivery(), dataSource),
                settings(1 << 20),
                attempt -> 1L);
        CompletableFuture<Message> stored =
                payloads.store(event("e1", random(10)), message()).toCompletableFuture();
        await("the failure to be told")
                .atMost(Duration.ofSeconds(30))
                .until(() -> payloads.failure().isPresent());

        fails.set(false);
        stored.get(30, TimeUnit.SECONDS);
        assertThat(payloads.failure()).isEmpty();
    }

    @Test
    void expiredPayloadsAreDeletedTheOldestFirstAndNotMoreThanAskedFor() throws Exception {
        ClaimCheckTable table = new ClaimCheckTable(database);
        server.execute("INSERT INTO outbox_claim_check (id, outbox, payload, sha256, expires_at)"
                + " SELECT n::text, 'public.outbox', '', '', now() - n * interval '1 hour'"
                + " FROM generate_series(-5, 5) n");
        server.execute("INSERT INTO outbox_claim_check (id, outbox, payload, sha256, expires_at)"
                + " VALUES ('other', 'public.other', '', '', now() - interval '1 year')");

        assertThat(table.deleteExpired(3)).isEqualTo(3);
        assertThat(text("SELECT string_agg(id, ' ' ORDER BY expires_at DESC) FROM outbox_claim_check"))
                .isEqualTo("-5 -4 -3 -2 -1 0 1 2 other");
        assertThat(table.deleteExpired(100)).isEqualTo(3);
        assertThat(table.deleteExpired(100)).isZero();
    }

    @Test
    void whatIsNotSettledIsKeptAnew() throws Exception {
        ClaimCheckTable table = new ClaimCheckTable(database);
        String id = store(event("e1", random(10))).headers().get("claim-check");
        server.execute("UPDATE outbox_claim_check SET expires_at = now()");

        table.keep(List.of(id), Duration.ofDays(7), Duration.ofDays(6));

        assertThat(table.deleteExpired(100)).isZero();
        assertThat(text("SELECT expires_at > now() + interval '6 days' FROM outbox_claim_check"))
                .isEqualTo("t");
    }

    @Test
    void whatASettingListsOrTheBrokerFindsTooLargeGoesByReference() {
        RejectedException tooLarge = new RejectedException(RejectedException.Kind.TOO_LARGE, "too large");
        RejectedException other = new RejectedException(RejectedException.Kind.NO_DESTINATION, "none");

        assertThat(payloads.wants(event("e1", random(1)))).isFalse();
        assertThat(payloads.wants(new OutboxEvent("e1", "a", "b", "drawing", null, null, Instant.EPOCH, null)))
                .as("there is nothing to store of a NULL payload")
                .isFalse();
        assertThat(payloads.wants(new OutboxEvent("e1", "a", "b", "drawing", random(0), null, Instant.EPOCH, null)))
                .isTrue();
        assertThat(payloads.mends(event("e1", random(1_000)), tooLarge)).isTrue();
        assertThat(payloads.mends(event("e1", random(1_000)), other)).isFalse();
        assertThat(payloads.mends(event("e1", random(10)), tooLarge))
                .as("a reference would be no smaller")
                .isFalse();
    }

    @Test
    void aPayloadIsFetchedOverHttpWithTheTokenAndWithNoOther() throws Exception {
        byte[] payload = random(1_048_576);
        String id = store(event("e1", payload)).headers().get("claim-check");
        String empty = store(event("e2", random(0))).headers().get("claim-check");
        try (AdminServer http = startHttp();
                ClaimCheckEndpoint endpoint = new ClaimCheckEndpoint(database, TOKEN)) {
            assertThat(get(http, id, "Bearer " + TOKEN).statusCode())
                    .as("where nothing is served")
                    .isEqualTo(404);
            http.serve(ClaimCheckEndpoint.PATH, endpoint);

            HttpResponse<byte[]> fetched = get(http, id, "Bearer " + TOKEN);
            assertThat(fetched.statusCode()).isEqualTo(200);
            assertThat(fetched.body()).isEqualTo(payload);
            assertThat(fetched.headers().map())
                    .containsEntry("claim-check-sha256", List.of(sha256(payload)))
                    .containsEntry("cache-control", List.of("no-store"))
                    .containsEntry("x-content-type-options", List.of("nosniff"))
                    .containsEntry("content-type", List.of("application/octet-stream"));
            assertThat(get(http, empty, "Bearer " + TOKEN).body()).isEmpty();
            for (String wrong :
                    Arrays.asList(null, "", "Bearer", "Bearer ", "Bearer " + TOKEN + "x", "Basic " + TOKEN, TOKEN)) {
                HttpResponse<byte[]> refused = get(http, id, wrong);
                assertThat(refused.statusCode()).as("%s", wrong).isEqualTo(403);
                assertThat(refused.body()).isEmpty();
            }
            assertThat(get(http, "0".repeat(64), null).statusCode())
                    .as("who has no token learns not even what is there")
                    .isEqualTo(403);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "0000000000000000000000000000000000000000000000000000000000000000", "../health"})
    void whatIsNotThereIsNotFound(String id) throws Exception {
        try (AdminServer http = startHttp();
                ClaimCheckEndpoint endpoint = new ClaimCheckEndpoint(database, TOKEN)) {
            http.serve(ClaimCheckEndpoint.PATH, endpoint);

            assertThat(get(http, id, "Bearer " + TOKEN).statusCode()).isEqualTo(404);
        }
    }

    @Test
    void withoutTheTableStoringIsAnErrorAndFetchingAloneAWarning() throws Exception {
        ClaimCheckSettings fetching = settings(Oversize.REJECT, Set.of(), Optional.of(TOKEN));
        assertThat(level(fetching)).contains(Finding.Level.OK);
        server.execute("DROP TABLE outbox_claim_check");

        assertThat(level(settings(1 << 20))).contains(Finding.Level.ERROR);
        assertThat(level(fetching)).contains(Finding.Level.WARNING);
        assertThat(level(settings(Oversize.REJECT, Set.of(), Optional.empty()))).isEmpty();
    }

    private Optional<Finding.Level> level(ClaimCheckSettings settings) throws SQLException {
        return ClaimCheckPreflight.of(database, settings).map(Finding::level);
    }

    private static ClaimCheckSettings settings(Oversize oversize, Set<String> types, Optional<String> token) {
        return new ClaimCheckSettings(oversize, types, 1 << 20, Duration.ofDays(7), token);
    }

    private static ClaimCheckSettings settings(long maxSize) {
        return new ClaimCheckSettings(
                Oversize.CLAIM_CHECK, Set.of("drawing"), maxSize, Duration.ofDays(7), Optional.of(TOKEN));
    }

    private static AdminServer startHttp() throws Exception {
        Health health = new Health();
        return AdminServer.start(LocalAdmin.at(0), health, new Metrics(health));
    }

    private HttpResponse<byte[]> get(AdminServer http, String id, String authorization) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + http.port() + "/claim-check/" + id));
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
    }

    private Message store(OutboxEvent event) throws InterruptedException, ExecutionException {
        return payloads.store(event, message(event)).toCompletableFuture().get();
    }

    private static Message message() {
        return new Message("t", "k", random(10), Map.of(), Instant.EPOCH);
    }

    private static Message message(OutboxEvent event) {
        return new Message("t", "k", event.payload(), Map.of("id", event.id(), "claim-check", "forged"), Instant.EPOCH);
    }

    private static OutboxEvent event(String id, byte[] payload) {
        return new OutboxEvent(id, "order", "42", "placed", payload, "{}", Instant.EPOCH, null);
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private byte[] bytes(String sql) throws SQLException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getBytes(1);
        }
    }

    private String text(String sql) throws SQLException {
        try (Connection connection = server.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getString(1);
        }
    }
}
