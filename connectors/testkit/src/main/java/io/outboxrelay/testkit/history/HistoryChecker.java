package io.outboxrelay.testkit.history;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

import io.outboxrelay.testkit.history.Offence.Kind;

/**
 * Judges one history: at least once, none that was rolled back, first occurrences in commit order, replays that leave
 * nothing out, one key in one partition, every payload as it was written.
 */
public final class HistoryChecker {

    /** So many records of the key tell how a replay came to leave something out. */
    private static final int SHOWN_BEFORE = 12;

    private record Place(String key, int number, Written written) {}

    private final Reference reference;
    private final Map<String, Place> places = new HashMap<>();
    private final List<Offence> offences = new ArrayList<>();

    private HistoryChecker(Reference reference) {
        this.reference = reference;
        reference.committed().forEach((key, events) -> {
            for (int number = 0; number < events.size(); number++) {
                Written written = events.get(number);
                if (places.put(written.eventId(), new Place(key, number, written)) != null) {
                    throw new IllegalArgumentException(
                            "the reference has the event " + written.eventId() + " more than once");
                }
            }
        });
    }

    /**
     * Judges.
     *
     * @param reference what was committed
     * @param received in any order; a record that was read more than once, at the same place, counts once
     * @throws IllegalArgumentException if the reference holds an event twice, or two records were read from one place
     */
    public static Verdict check(Reference reference, List<Received> received) {
        return new HistoryChecker(reference).judge(inOrder(received));
    }

    private static List<Received> inOrder(List<Received> received) {
        Map<String, Received> byPlace = new HashMap<>();
        for (Received record : received) {
            Received other = byPlace.put(record.place(), record);
            if (other != null && !other.equals(record)) {
                throw new IllegalArgumentException("two different records were read from " + record.place());
            }
        }
        return byPlace.values().stream()
                .sorted(Comparator.comparing(Received::topic)
                        .thenComparing(Received::partition)
                        .thenComparing(Received::offset))
                .toList();
    }

    private Verdict judge(List<Received> received) {
        Map<String, List<Received>> known = new TreeMap<>();
        Set<String> seen = new HashSet<>();
        int duplicates = 0;
        for (Received record : received) {
            Place place = record.eventId() == null ? null : places.get(record.eventId());
            if (place == null) {
                phantom(record);
                continue;
            }
            if (!seen.add(record.eventId())) {
                duplicates++;
            }
            content(record, place);
            known.computeIfAbsent(place.key(), key -> new ArrayList<>()).add(record);
        }
        lost(seen);
        known.forEach((key, records) -> {
            if (isInOnePartition(key, records)) {
                order(key, records, seen);
            }
        });
        return new Verdict(reference.size(), received.size(), duplicates, offences);
    }

    private void phantom(Received record) {
        String why = reference.rolledBack().contains(String.valueOf(record.eventId()))
                ? "was rolled back"
                : "was never written";
        offend(Kind.PHANTOM, record.key(), record.eventId(), why + ", received at " + record.place());
    }

    private void content(Received record, Place place) {
        if (!place.key().equals(record.key())) {
            offend(
                    Kind.WRONG_KEY,
                    place.key(),
                    record.eventId(),
                    "received under the key " + record.key() + " at " + record.place());
        }
        if (!place.written().digest().equals(record.digest())) {
            offend(Kind.CHANGED_PAYLOAD, place.key(), record.eventId(), "received at " + record.place());
        }
    }

    private void lost(Set<String> seen) {
        reference.committed().forEach((key, events) -> {
            for (int number = 0; number < events.size(); number++) {
                if (!seen.contains(events.get(number).eventId())) {
                    offend(
                            Kind.LOST,
                            key,
                            events.get(number).eventId(),
                            "committed as number " + (number + 1) + " of " + events.size());
                }
            }
        });
    }

    private boolean isInOnePartition(String key, List<Received> records) {
        Map<String, Received> first = records.stream()
                .collect(Collectors.toMap(Received::partitionName, record -> record, (a, b) -> a, TreeMap::new));
        if (first.size() > 1) {
            offend(
                    Kind.SPLIT_KEY,
                    key,
                    null,
                    "received at "
                            + first.values().stream().map(Received::place).collect(Collectors.joining(" and ")));
        }
        return first.size() == 1;
    }

    /** What was lost is reported once, as lost: here the events that were received follow one another. */
    private void order(String key, List<Received> records, Set<String> seen) {
        Map<String, Integer> ranks = new HashMap<>();
        reference.committed().get(key).stream()
                .map(Written::eventId)
                .filter(seen::contains)
                .forEach(eventId -> ranks.put(eventId, ranks.size()));
        Set<String> before = new HashSet<>();
        int latest = -1;
        int last = -1;
        Received latestRecord = null;
        List<String> received = new ArrayList<>();
        for (Received record : records) {
            int rank = ranks.get(record.eventId());
            received.add((rank + 1) + "@" + record.offset());
            boolean isFirst = before.add(record.eventId());
            if (isFirst && rank < latest) {
                offend(
                        Kind.OUT_OF_ORDER,
                        key,
                        record.eventId(),
                        "first received at " + record.place() + ", after the later event " + latestRecord.eventId()
                                + " at " + latestRecord.place());
                last = rank == last + 1 ? rank : last;
                continue;
            }
            boolean isReplaying = last < latest;
            if (isReplaying && rank > last + 1) {
                offend(
                        Kind.BROKEN_REPLAY,
                        key,
                        record.eventId(),
                        "received at " + record.place() + ", " + (rank - last - 1)
                                + " events left out before it; number@offset of the last ones: "
                                + tail(received));
            }
            last = rank;
            if (rank > latest) {
                latest = rank;
                latestRecord = record;
            }
        }
    }

    private static String tail(List<String> received) {
        return String.join(" ", received.subList(Math.max(0, received.size() - SHOWN_BEFORE), received.size()));
    }

    private void offend(Kind kind, String key, String eventId, String detail) {
        offences.add(new Offence(kind, key, eventId, detail));
    }
}
