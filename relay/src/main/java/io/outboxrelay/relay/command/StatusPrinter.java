package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.postgres.OutboxFigures.DeadLetters;
import io.outboxrelay.postgres.OutboxFigures.Slot;
import io.outboxrelay.postgres.OutboxFigures.Waiting;
import io.outboxrelay.postgres.ReplicationSlot.Holder;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.ops.DatabaseFailure;

/**
 * Writes how it stands with an outbox. Its JSON has the names of {@code GET /api/status} for what the database tells, and
 * that answer itself under {@code relay}.
 */
final class StatusPrinter {

    private final RelayConfig config;
    private Optional<JsonNode> relay = Optional.empty();
    private String relayProblem = "";
    private String relayUrl = "";
    private Optional<OutboxFigures> figures = Optional.empty();
    private Optional<Duration> lag = Optional.empty();
    private String problem = "";

    StatusPrinter(RelayConfig config) {
        this.config = config;
    }

    /** What the relay on this machine answered, and where there is more. */
    void relay(JsonNode answer, String url) {
        relay = Optional.of(answer);
        relayUrl = url;
    }

    /** Why no relay answered here. */
    void noRelay(String why) {
        relayProblem = why;
    }

    /** What the database told, and how old the oldest unsent row is. */
    void figures(OutboxFigures told, Optional<Duration> oldest) {
        figures = Optional.of(told);
        lag = oldest;
    }

    /** Why the database told nothing. */
    void noFigures(DatabaseFailure why) {
        problem = why.code() + " " + why;
    }

    ObjectNode json() {
        ObjectNode node = JsonText.object();
        node.put("outbox", config.outbox().toString());
        node.put("database", config.database().toString());
        node.put("databaseProblem", problem.isEmpty() ? null : problem);
        node.put(
                "figuresAt",
                figures.map(told -> told.at().truncatedTo(ChronoUnit.MILLIS).toString())
                        .orElse(null));
        leader(node.putObject("leader"));
        ObjectNode lags = node.putObject("lag");
        lags.put("seconds", lag.map(age -> age.toMillis() / 1e3).orElse(null));
        lags.put("bytes", slot().map(Slot::lagBytes).orElse(null));
        node.set("waiting", waiting().map(StatusPrinter::json).orElse(null));
        node.set("slot", slot().map(StatusPrinter::json).orElse(null));
        node.set("deadLetters", deadLetters().map(StatusPrinter::json).orElse(null));
        node.set("relay", relay.orElse(null));
        node.put("relayProblem", relayProblem.isEmpty() ? null : relayProblem);
        return node;
    }

    void text(PrintWriter out) {
        line(out, "outbox", config.outbox() + " of " + config.database());
        relay.ifPresentOrElse(answer -> relay(answer, out), () -> line(out, "state", "not known: " + relayProblem));
        if (figures.isEmpty()) {
            line(out, "database", problem);
            return;
        }
        line(out, "leader", leader());
        line(out, "lag", lag());
        waiting().ifPresent(waiting -> line(out, "waiting", text(waiting)));
        slot().ifPresent(slot -> line(out, "slot", text(slot)));
        deadLetters().ifPresent(letters -> line(out, "dead letters", text(letters)));
    }

    private void relay(JsonNode answer, PrintWriter out) {
        String age = since(answer.path("since"))
                .map(since -> " (for " + Amounts.text(since) + ")")
                .orElse("");
        line(out, "state", answer.path("state").asText("?") + age);
        optional(out, "reason", answer.path("reason"));
        optional(out, "mode", answer.path("mode"));
        JsonNode rates = answer.path("rates");
        if (rates.path("eventsPerSecond").isNumber()) {
            line(
                    out,
                    "rate",
                    String.format(
                            Locale.ROOT,
                            "%.1f events/s, %s/s",
                            rates.path("eventsPerSecond").asDouble(),
                            Amounts.bytes(rates.path("bytesPerSecond").asLong())));
        }
        JsonNode latency = answer.path("latency");
        if (latency.path("p50Seconds").isNumber()) {
            line(
                    out,
                    "latency",
                    String.format(
                            Locale.ROOT,
                            "p50 %.0f ms, p99 %.0f ms",
                            latency.path("p50Seconds").asDouble() * 1000,
                            latency.path("p99Seconds").asDouble() * 1000));
        }
        JsonNode error = answer.path("errors").path(0);
        if (error.isObject()) {
            line(
                    out,
                    "last error",
                    error.path("lastAt").asText() + " " + error.path("text").asText());
        }
        line(out, "page", relayUrl);
    }

    private void leader(ObjectNode node) {
        List<Holder> all = readers();
        node.put(
                "holder",
                figures.flatMap(OutboxFigures::readers)
                        .flatMap(OutboxFigures.Readers::leader)
                        .or(() -> all.stream().findFirst())
                        .map(Holder::toString)
                        .orElse(null));
        ArrayNode list = node.putArray("readers");
        all.forEach(holder -> list.add(holder.toString()));
    }

    private String leader() {
        List<Holder> all = readers();
        if (all.isEmpty()) {
            return "nobody relays this outbox";
        }
        return String.join("; ", all.stream().map(Holder::toString).toList());
    }

    private String lag() {
        String time = lag.map(Amounts::text).orElse("age not known");
        return time
                + slot().map(slot -> ", " + Amounts.bytes(slot.lagBytes()) + " of log")
                        .orElse("");
    }

    private List<Holder> readers() {
        return figures.flatMap(OutboxFigures::readers)
                .map(OutboxFigures.Readers::all)
                .orElse(List.of());
    }

    private Optional<Slot> slot() {
        return figures.flatMap(OutboxFigures::slot);
    }

    private Optional<Waiting> waiting() {
        return figures.flatMap(OutboxFigures::waiting);
    }

    private Optional<DeadLetters> deadLetters() {
        return figures.flatMap(OutboxFigures::deadLetters);
    }

    private static ObjectNode json(Waiting waiting) {
        return JsonText.object()
                .put("rows", waiting.rows())
                .put("estimated", waiting.estimated())
                .put(
                        "oldestSeconds",
                        waiting.oldest().map(age -> age.toMillis() / 1e3).orElse(null));
    }

    private static ObjectNode json(Slot slot) {
        return JsonText.object()
                .put("name", slot.name())
                .put("active", slot.active())
                .put("walStatus", slot.walStatus())
                .put("retainedBytes", slot.retainedBytes())
                .put("lagBytes", slot.lagBytes());
    }

    private static ObjectNode json(DeadLetters letters) {
        return JsonText.object()
                .put("events", letters.letters())
                .put("parkedAggregates", letters.parkedKeys())
                .put("countedUpTo", OutboxFigures.MOST);
    }

    private static String text(Waiting waiting) {
        return (waiting.estimated() ? "about " : "") + waiting.rows() + (waiting.rows() == 1 ? " row" : " rows");
    }

    private static String text(Slot slot) {
        if (slot.walStatus().equals(Slot.MISSING)) {
            return slot.name() + ": not there";
        }
        return slot.name() + ": " + (slot.active() ? "active" : "not active") + ", " + slot.walStatus() + ", "
                + Amounts.bytes(slot.retainedBytes()) + " of log kept";
    }

    private static String text(DeadLetters letters) {
        return counted(letters.letters())
                + (letters.letters() == 1 ? " event, " : " events, ")
                + counted(letters.parkedKeys())
                + (letters.parkedKeys() == 1 ? " aggregate parked" : " aggregates parked");
    }

    private static String counted(long count) {
        return count >= OutboxFigures.MOST ? OutboxFigures.MOST + " or more" : Long.toString(count);
    }

    /** For how long something has been so; empty if that cannot be read. */
    private static Optional<Duration> since(JsonNode instant) {
        try {
            return Optional.of(Duration.between(Instant.parse(instant.asText("")), Instant.now()));
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    private static void optional(PrintWriter out, String name, JsonNode value) {
        if (!value.asText("").isEmpty()) {
            line(out, name, value.asText());
        }
    }

    private static void line(PrintWriter out, String name, String text) {
        out.println(String.format(Locale.ROOT, "%-13s %s", name, text));
    }
}
