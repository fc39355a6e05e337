package io.outboxrelay.relay.delivery;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeSet;

/**
 * Order for a broker that keeps none: of the messages of one aggregate, and of those of one destination and key, only the
 * first is sent, and the next when that one is decided. Not safe for use by several threads.
 */
final class KeyChains {

    /** What consumers see in order. */
    private record Destination(String name, String key) {}

    /** In the original order: an event that an operator let go stands before those that came later. */
    private static final class Chain {

        private final NavigableSet<Pending> members = new TreeSet<>();
        private boolean hasSent;
    }

    private enum State {
        /** Behind others. */
        WAITING,
        /** With the broker. */
        SENT,
        /** With the owner, who sends it, or puts it elsewhere. */
        OUT
    }

    private static final class Link {

        /** It is in each of these, and sent when it is first in all. */
        private final List<Object> names;

        private State state = State.WAITING;

        Link(List<Object> names) {
            this.names = names;
        }
    }

    private final Map<Object, Chain> chains = new HashMap<>();
    private final Map<Pending, Link> links = new LinkedHashMap<>();

    /** Takes it in, or back; true if it is to be sent now, and then it counts as sent. */
    boolean enter(Pending pending) {
        Link link = links.computeIfAbsent(pending, added -> new Link(chainsOf(added)));
        for (Object name : link.names) {
            chains.computeIfAbsent(name, added -> new Chain()).members.add(pending);
        }
        boolean first = isFirst(pending, link);
        link.state = first ? State.SENT : State.WAITING;
        if (first) {
            link.names.forEach(name -> chains.get(name).hasSent = true);
        }
        return first;
    }

    /** The owner has it: it keeps its place until it enters again or leaves. */
    void out(Pending pending) {
        Link link = links.get(pending);
        if (link != null) {
            setOut(link);
        }
    }

    /** Whether the owner, who had it, did not let it enter again. */
    boolean isOut(Pending pending) {
        Link link = links.get(pending);
        return link != null && link.state == State.OUT;
    }

    /** Whether an earlier event of its aggregate is in, in whatever state. */
    boolean holdsBefore(Pending pending) {
        Chain chain = chains.get(pending.key());
        return chain != null && chain.members.first().compareTo(pending) < 0;
    }

    /** Whether it waits, and nothing keeps it waiting. */
    boolean isReady(Pending pending) {
        Link link = links.get(pending);
        return link != null && link.state == State.WAITING && isFirst(pending, link);
    }

    /** Lets it go, if it is in, and tells what is ready because of that. */
    List<Pending> leave(Pending pending) {
        Link left = links.remove(pending);
        if (left == null) {
            return List.of();
        }
        setOut(left);
        for (Object name : left.names) {
            Chain chain = chains.get(name);
            chain.members.remove(pending);
            if (chain.members.isEmpty()) {
                chains.remove(name);
            }
        }
        return ready(left);
    }

    /** What is ready because an event, which is in, does not go first any more: others may have come in before it. */
    List<Pending> readyBeside(Pending pending) {
        Link link = links.get(pending);
        return link == null ? List.of() : ready(link);
    }

    private List<Pending> ready(Link link) {
        return link.names.stream()
                .map(chains::get)
                .filter(Objects::nonNull)
                .map(chain -> chain.members.first())
                .distinct()
                .filter(this::isReady)
                .sorted()
                .toList();
    }

    /** Lets everything go, and tells what of it waited. */
    List<Pending> clear() {
        List<Pending> waiting = links.entrySet().stream()
                .filter(entry -> entry.getValue().state == State.WAITING)
                .map(Map.Entry::getKey)
                .toList();
        links.clear();
        chains.clear();
        return waiting;
    }

    private void setOut(Link link) {
        if (link.state == State.SENT) {
            link.names.forEach(name -> chains.get(name).hasSent = false);
        }
        link.state = State.OUT;
    }

    private boolean isFirst(Pending pending, Link link) {
        return link.names.stream()
                .map(chains::get)
                .allMatch(chain -> !chain.hasSent && chain.members.first().equals(pending));
    }

    private static List<Object> chainsOf(Pending pending) {
        return pending.message().key() == null
                ? List.of(pending.key())
                : List.of(
                        pending.key(),
                        new Destination(
                                pending.message().destination(),
                                pending.message().key()));
    }
}
