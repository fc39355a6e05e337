package io.outboxrelay.relay.delivery;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import io.outboxrelay.api.OutboxEvent;

/** What became of every event, over all runs; tells what is wrong with that. */
final class DeliveryRecord {

    int replays;

    private final Map<String, OutboxEvent> events = new HashMap<>();
    private final Set<String> settled = new HashSet<>();
    private final Set<String> settledInRun = new HashSet<>();

    /** At the word of an operator. */
    private final Set<String> leftUnsent = new HashSet<>();

    private final Set<String> putAside = new HashSet<>();

    /** Events that were put aside again in this run, though they had been stored. */
    private final Set<String> copies = new HashSet<>();

    /** The same, in runs that have ended: in two crashes in a row what comes behind it may have been left where it was. */
    private final Set<String> copiesOfFormerRuns = new HashSet<>();

    /** Those that hold back nothing of their aggregates when they are put aside. */
    private final Set<String> loose = new HashSet<>();

    /** What was stored of each aggregate, by the number of the event. */
    private final Map<String, List<Integer>> stored = new HashMap<>();

    /** Of each aggregate the refused events that nobody has decided about. */
    private final Map<String, Set<Integer>> undecided = new HashMap<>();

    /** What was thrown in a callback, which hides it. */
    private AssertionError hidden;

    @Override
    public String toString() {
        return stored.toString();
    }

    int count() {
        return events.size();
    }

    void handedOver(OutboxEvent event) {
        events.put(event.id(), event);
    }

    /** What the run before did not decide comes again. */
    void runBegins() {
        settledInRun.clear();
        copiesOfFormerRuns.addAll(copies);
        copies.clear();
        undecided.clear();
    }

    void settled(OutboxEvent event) {
        String id = event.id();
        require(settledInRun.add(id), "%s is settled twice", event);
        require(
                leftUnsent.contains(id) || putAside.contains(id) || isStored(event),
                "%s is settled and neither stored nor put aside nor skipped",
                event);
        settled.add(id);
    }

    void requireSettled(List<OutboxEvent> batch) {
        batch.forEach(
                event -> require(settledInRun.contains(event.id()), "its batch is settled, and %s is not", event));
    }

    void stored(String id) {
        OutboxEvent event = events.get(id);
        int number = number(event);
        Set<Integer> open = undecided.getOrDefault(event.aggregateId(), new HashSet<>());
        open.remove(number);
        require(
                loose.contains(id) || open.stream().noneMatch(refused -> refused < number),
                "%s is stored behind a refused event of its aggregate: %s",
                event,
                open);
        List<Integer> of = stored.computeIfAbsent(event.aggregateId(), key -> new ArrayList<>());
        if (of.contains(number)) {
            replays++;
        }
        of.add(number);
    }

    void putAside(String id) {
        putAside.add(id);
        if (isStored(events.get(id))) {
            copies.add(id);
        }
    }

    /** Nothing behind it may be stored now. */
    void undecided(String id) {
        if (!loose.contains(id)) {
            OutboxEvent event = events.get(id);
            undecided
                    .computeIfAbsent(event.aggregateId(), key -> new HashSet<>())
                    .add(number(event));
        }
    }

    void loose(String id) {
        decided(id);
        loose.add(id);
    }

    /** Somebody said what becomes of it. */
    void decided(String id) {
        OutboxEvent event = events.get(id);
        undecided.getOrDefault(event.aggregateId(), new HashSet<>()).remove(number(event));
    }

    void leftUnsent(String id) {
        decided(id);
        leftUnsent.add(id);
    }

    /** Throws what was thrown in a callback. */
    void check() {
        require(hidden == null, "%s", hidden);
    }

    void checkAll() {
        check();
        for (OutboxEvent event : events.values()) {
            require(settled.contains(event.id()), "%s is lost", event);
            require(isStored(event) || isOutOfLine(event.id()), "%s is settled and was never stored", event);
        }
        stored.forEach(this::checkOrder);
    }

    /** What is thrown in a callback is hidden by whoever called it. */
    void require(boolean condition, String text, Object... arguments) {
        if (!condition) {
            if (hidden == null) {
                hidden = new AssertionError(String.format(Locale.ROOT, text, arguments));
            }
            throw hidden;
        }
    }

    private boolean isStored(OutboxEvent event) {
        return stored.getOrDefault(event.aggregateId(), List.of()).contains(number(event));
    }

    /**
     * First storings in order, and whatever comes again is a contiguous replay; but for what holds back nothing, or was given
     * up: that may come later, after a new start even the latter. A copy that was put aside in a run before may come alone.
     */
    private void checkOrder(String aggregate, List<Integer> all) {
        List<Integer> numbers = all.stream()
                .filter(number -> !isOutOfLine(Integer.toString(number)))
                .toList();
        List<Integer> first = numbers.stream().distinct().toList();
        require(
                first.equals(first.stream().sorted().toList()),
                "the events of %s are stored out of order: %s",
                aggregate,
                all);
        int reach = 0;
        for (int number : numbers) {
            int place = first.indexOf(number);
            require(place <= reach, "a replay of %s leaves something out: %s", aggregate, all);
            boolean mayBeAlone = copiesOfFormerRuns.contains(Integer.toString(number));
            reach = mayBeAlone ? Math.max(reach, place + 1) : place + 1;
        }
    }

    private boolean isOutOfLine(String id) {
        return loose.contains(id) || leftUnsent.contains(id);
    }

    private static int number(OutboxEvent event) {
        return Integer.parseInt(event.id());
    }
}
