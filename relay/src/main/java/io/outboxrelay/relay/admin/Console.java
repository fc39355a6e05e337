package io.outboxrelay.relay.admin;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.function.Supplier;

import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.deadletter.LetterDesk;
import io.outboxrelay.relay.logging.LogLevels;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;
import io.outboxrelay.relay.ops.Version;

/** What operators see and do at the admin port: the status page and its API. Collects what they show until it is closed. */
public final class Console implements AutoCloseable {

    private final RecentErrors errors;
    private final Sampler sampler;

    private Console(RecentErrors errors, Sampler sampler) {
        this.errors = errors;
        this.sampler = sampler;
    }

    /**
     * Begins to collect warnings and errors, and to answer.
     *
     * @param figures what the database last told; does not wait
     */
    public static Console open(
            AdminServer server,
            RelayConfig config,
            OutboxDatabase database,
            Health health,
            Metrics metrics,
            Supplier<OutboxFigures> figures) {
        DatabaseAddress address = config.database();
        About about = new About(
                Version.number(),
                config.outbox().toString(),
                address.host() + ":" + address.port() + "/" + address.name(),
                Instant.now().truncatedTo(ChronoUnit.MILLIS),
                config.source().maxRetainedLog());
        RecentErrors errors = RecentErrors.collect();
        History history = new History();
        Sampler sampler = new Sampler(health, metrics, history);
        StatusPage page = StatusPage.load();
        server.serve(List.of(Route.open("/", question -> page.answer())));
        server.serve(new StatusApi(about, config.admin().access(), health, metrics, figures, history, errors::lines)
                .routes());
        server.serve(new DeadLetterApi(new LetterDesk(database)).routes());
        server.serve(new LogLevelApi(LogLevels.ofLogback()).routes());
        return new Console(errors, sampler);
    }

    /** Begins to note how it goes. */
    public void start() {
        sampler.start();
    }

    @Override
    public void close() {
        sampler.close();
        errors.close();
    }
}
