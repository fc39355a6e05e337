package io.outboxrelay.relay.admin;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.SourceStatus;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.config.AdminSettings;
import io.outboxrelay.relay.deadletter.LetterDesk;
import io.outboxrelay.relay.logging.LogLevels;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;
import io.outboxrelay.testkit.PostgresServer;
import io.outboxrelay.testkit.TestDatabase;

/** A relay that does nothing but tell what a test has it tell, at a real admin port; dead letters are in a real database. */
final class ScriptedRelay implements AutoCloseable {

    static final long GIGABYTE = 1L << 30;

    private final TestDatabase server = PostgresServer.shared().createDatabase();
    private final Health health = new Health();
    private final Metrics metrics = new Metrics(health);
    private final History history = new History();
    private final Instant startedAt = Instant.now().minus(Duration.ofHours(27));
    private volatile OutboxFigures figures = OutboxFigures.none(Instant.EPOCH);
    private volatile List<RecentErrors.Line> errors = List.of();
    private AdminServer http;
    private AdminSettings settings;

    ScriptedRelay(AdminSettings settings) throws SQLException, IOException {
        server.execute(SchemaScript.TABLE.sql() + SchemaScript.RELAY.sql() + SchemaScript.DEAD_LETTER.sql());
        this.settings = settings;
        metrics.figuresAre(() -> figures);
        metrics.leaderIs(() -> health.status().state() == Health.State.STREAMING);
        start();
    }

    /** Answers again, at the port that it had. */
    void start() throws IOException {
        http = AdminServer.start(settings, health, metrics);
        settings = new AdminSettings(
                true, settings.host(), http.port(), settings.requestTimeout(), settings.access(), settings.tls());
        About about = new About(
                Optional.of("1.0.0"), "public.outbox", "shop-db:5432/shop", startedAt, OptionalLong.of(10 * GIGABYTE));
        http.serve(List.of(Route.open("/", question -> StatusPage.load().answer())));
        http.serve(new StatusApi(about, settings.access(), health, metrics, () -> figures, history, () -> errors)
                .routes());
        http.serve(new DeadLetterApi(new LetterDesk(database())).routes());
        http.serve(new LogLevelApi(LogLevels.ofLogback()).routes());
    }

    /** Answers no more. */
    void stop() {
        http.close();
    }

    String address() {
        return "http://127.0.0.1:" + http.port() + "/";
    }

    int port() {
        return http.port();
    }

    Health health() {
        return health;
    }

    History history() {
        return history;
    }

    TestDatabase server() {
        return server;
    }

    LetterDesk desk() {
        return new LetterDesk(database());
    }

    void tell(OutboxFigures told) {
        figures = told;
    }

    void tellErrors(RecentErrors.Line... lines) {
        errors = List.of(lines);
    }

    void runs(boolean readsLog, String breaker) {
        metrics.runBegan(readsLog, () -> SourceStatus.UNKNOWN, () -> 48_213_977, () -> 412, () -> breaker);
    }

    /** Puts an event aside. */
    void putAside(String id, String aggregate, boolean parked, String reason) throws SQLException {
        server.execute(
                "INSERT INTO outbox_dead_letter (outbox, name, event_id, aggregate_type, aggregate_id, type, payload,"
                        + " occurred_at, position, destination, parked, reason, kind, attempts) VALUES ('public.outbox', '"
                        + id
                        + "', '" + id + "', 'order', '" + aggregate
                        + "', 'order-placed', 'secret payload', now(), '0/1', 'events.order', " + parked + ", '"
                        + reason
                        + "', 'too_large', 1)");
    }

    /** Fifteen minutes in which events flowed; with an outage of four minutes at the end if told so. */
    void passed(boolean outage) {
        Instant now = Instant.now();
        for (int i = 449; i >= 0; i--) {
            double minute = i / 30.0;
            boolean down = outage && minute < 4;
            boolean after = outage && minute > 7 && minute < 7.6;
            double wave = 1 + 0.18 * Math.sin(i / 23.0) + 0.07 * Math.sin(i * 1.7);
            double rate = down ? 0 : after ? 9_400 * wave : 2_100 * wave;
            double lag = down ? (4 - minute) * 60 : after ? (minute - 7) * 14 : 0.04 * wave;
            history.add(new Sample(
                    now.minus(Duration.ofSeconds(2L * i)),
                    down ? Health.State.WAITING : Health.State.STREAMING,
                    rate,
                    rate * 310,
                    lag,
                    down ? (4 - minute) * 9e6 : 180_000 * wave,
                    down ? Double.NaN : 0.0042 * wave * (after ? 3 : 1),
                    down ? Double.NaN : 0.0121 * wave * wave * (after ? 3 : 1)));
        }
    }

    static OutboxFigures figures(OutboxFigures.Slot slot, long waiting, Duration oldest, long letters, long parked) {
        return new OutboxFigures(
                Instant.now(),
                Optional.of(slot),
                Optional.of(new OutboxFigures.Waiting(waiting, false, Optional.of(oldest))),
                Optional.of(new OutboxFigures.DeadLetters(letters, parked)),
                Optional.of(new OutboxFigures.Readers(List.of(), Optional.empty())));
    }

    @Override
    public void close() throws SQLException {
        http.close();
        server.close();
    }

    private OutboxDatabase database() {
        return new OutboxDatabase(server.address(), OutboxTable.DEFAULT, AfterDelivery.DELETE, server.dataSource());
    }
}
