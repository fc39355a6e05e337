package io.outboxrelay.relay.admin;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.ops.Health;
import io.outboxrelay.relay.ops.Metrics;

/** How the relay is now, and how it was in the last 15 minutes. */
final class StatusApi {

    private final ObjectMapper json = new ObjectMapper();
    private final About about;
    private final AdminAccess access;
    private final Health health;
    private final Metrics metrics;
    private final Meters meters;
    private final Supplier<OutboxFigures> figures;
    private final History history;
    private final Supplier<List<RecentErrors.Line>> errors;

    /** @param figures what the database last told; does not wait */
    StatusApi(
            About about,
            AdminAccess access,
            Health health,
            Metrics metrics,
            Supplier<OutboxFigures> figures,
            History history,
            Supplier<List<RecentErrors.Line>> errors) {
        this.about = about;
        this.access = access;
        this.health = health;
        this.metrics = metrics;
        this.meters = new Meters(metrics.registry());
        this.figures = figures;
        this.history = history;
        this.errors = errors;
    }

    List<Route> routes() {
        return List.of(
                Route.reading("/api/status", question -> Answer.json(200, status())),
                Route.reading("/api/history", this::history));
    }

    private ObjectNode status() {
        Health.Report report = health.report(Health.Probe.READY);
        Health.Status now = report.status();
        OutboxFigures told = figures.get();
        ObjectNode status = json.createObjectNode();
        status.put("version", about.version().orElse(null))
                .put("outbox", about.outbox())
                .put("database", about.database())
                .put("now", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString())
                .put("startedAt", about.startedAt().toString())
                .put("state", now.state().name())
                .put("since", now.since().toString())
                .put("reason", now.reason())
                .put("live", health.report(Health.Probe.LIVE).ok())
                .put("ready", report.ok())
                .put("mode", meters.which(MeterNames.MODE, "mode").orElse(null));
        status.set("leader", leader(now.state(), told));
        Optional<Sample> sample = history.latest();
        ObjectNode rates = status.putObject("rates");
        number(rates, "eventsPerSecond", of(sample, Sample::settledPerSecond));
        number(rates, "bytesPerSecond", of(sample, Sample::bytesPerSecond));
        ObjectNode latency = status.putObject("latency");
        number(latency, "p50Seconds", of(sample, Sample::p50Seconds));
        number(latency, "p99Seconds", of(sample, Sample::p99Seconds));
        ObjectNode lag = status.putObject("lag");
        number(lag, "seconds", metrics.lagSeconds());
        number(lag, "bytes", told.slot().map(slot -> (double) slot.lagBytes()).orElse(Double.NaN));
        number(status, "unsettled", meters.total(MeterNames.UNSETTLED));
        status.set("totals", totals());
        status.set(
                "broker",
                json.createObjectNode()
                        .put(
                                "breaker",
                                meters.which(MeterNames.BREAKER, "state").orElse(null)));
        status.put(
                "figuresAt", told.at().equals(Instant.EPOCH) ? null : told.at().toString());
        part(status, "waiting", told.waiting(), this::waiting);
        part(status, "slot", told.slot(), this::slot);
        part(
                status,
                "deadLetters",
                told.deadLetters(),
                letters -> json.createObjectNode()
                        .put("events", letters.letters())
                        .put("parkedAggregates", letters.parkedKeys())
                        .put("countedUpTo", OutboxFigures.MOST));
        ArrayNode lines = status.putArray("errors");
        errors.get()
                .forEach(line -> lines.addObject()
                        .put("at", line.at().toString())
                        .put("lastAt", line.lastAt().toString())
                        .put("times", line.times())
                        .put("level", line.level())
                        .put("code", line.code().orElse(null))
                        .put("text", line.text()));
        ArrayNode actions = status.putObject("access")
                .put("readingProtected", access.protectReading())
                .putArray("actions");
        access.token().ifPresent(token -> actions.add("token"));
        if (!access.users().isEmpty()) {
            actions.add("users");
        }
        return status;
    }

    private ObjectNode leader(Health.State state, OutboxFigures told) {
        ObjectNode leader = json.createObjectNode();
        if (meters.total(MeterNames.LEADER) == 1) {
            leader.put("here", true);
        } else if (state == Health.State.STANDBY) {
            leader.put("here", false);
        } else {
            leader.putNull("here");
        }
        leader.put(
                "holder",
                told.readers()
                        .flatMap(readers ->
                                readers.leader().or(() -> readers.all().stream().findFirst()))
                        .map(Object::toString)
                        .orElse(null));
        return leader;
    }

    private ObjectNode totals() {
        ObjectNode totals = json.createObjectNode();
        number(totals, "settled", meters.total(MeterNames.SETTLED));
        number(totals, "removed", meters.total(MeterNames.REMOVED));
        number(totals, "rejected", meters.total(MeterNames.REJECTED));
        number(totals, "missed", meters.total(MeterNames.MISSED));
        number(totals, "fallbacks", meters.total(MeterNames.FALLBACKS));
        return totals;
    }

    private ObjectNode waiting(OutboxFigures.Waiting waiting) {
        ObjectNode node = json.createObjectNode().put("rows", waiting.rows()).put("estimated", waiting.estimated());
        number(
                node,
                "oldestSeconds",
                waiting.oldest().map(age -> age.toMillis() / 1e3).orElse(Double.NaN));
        return node;
    }

    private ObjectNode slot(OutboxFigures.Slot slot) {
        ObjectNode node = json.createObjectNode()
                .put("name", slot.name())
                .put("active", slot.active())
                .put("walStatus", slot.walStatus().toLowerCase(Locale.ROOT))
                .put("retainedBytes", slot.retainedBytes())
                .put("lagBytes", slot.lagBytes());
        if (about.retainedLimit().isPresent()) {
            node.put("limitBytes", about.retainedLimit().getAsLong());
        } else {
            node.putNull("limitBytes");
        }
        return node;
    }

    private Answer history(Question question) throws RefusedException {
        List<Sample> samples = history.after(question.number("after", 0, 0, Long.MAX_VALUE));
        ObjectNode answer = json.createObjectNode().put("intervalSeconds", History.INTERVAL.toSeconds());
        ObjectNode columns = answer.putObject("samples");
        ArrayNode at = columns.putArray("at");
        ArrayNode state = columns.putArray("state");
        ArrayNode ready = columns.putArray("ready");
        for (Sample sample : samples) {
            at.add(sample.at().toEpochMilli());
            state.add(sample.state().name());
            ready.add(sample.state().ready());
        }
        column(columns, "settledPerSecond", samples, Sample::settledPerSecond);
        column(columns, "bytesPerSecond", samples, Sample::bytesPerSecond);
        column(columns, "lagSeconds", samples, Sample::lagSeconds);
        column(columns, "lagBytes", samples, Sample::lagBytes);
        column(columns, "p50Seconds", samples, Sample::p50Seconds);
        column(columns, "p99Seconds", samples, Sample::p99Seconds);
        return Answer.json(200, answer);
    }

    private static void column(ObjectNode columns, String name, List<Sample> samples, ToDoubleFunction<Sample> value) {
        ArrayNode column = columns.putArray(name);
        for (Sample sample : samples) {
            double number = value.applyAsDouble(sample);
            if (Double.isFinite(number)) {
                column.add(rounded(number));
            } else {
                column.addNull();
            }
        }
    }

    private static double of(Optional<Sample> sample, ToDoubleFunction<Sample> value) {
        return sample.map(value::applyAsDouble).orElse(Double.NaN);
    }

    /** JSON knows no NaN. */
    private static void number(ObjectNode node, String name, double value) {
        if (!Double.isFinite(value)) {
            node.putNull(name);
        } else if (value == Math.rint(value) && Math.abs(value) < 1L << 53) {
            node.put(name, (long) value);
        } else {
            node.put(name, rounded(value));
        }
    }

    /** To a millionth: nobody reads more of it. */
    private static double rounded(double value) {
        return Math.rint(value * 1e6) / 1e6;
    }

    private static <T> void part(ObjectNode status, String name, Optional<T> part, Function<T, ObjectNode> node) {
        if (part.isPresent()) {
            status.set(name, node.apply(part.get()));
        } else {
            status.putNull(name);
        }
    }
}
