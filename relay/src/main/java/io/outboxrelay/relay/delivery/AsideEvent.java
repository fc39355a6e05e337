package io.outboxrelay.relay.delivery;

import java.util.Locale;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.api.RejectedException;

/**
 * An event that is to be put aside.
 *
 * @param event the row as it is
 * @param destination where it was to go; empty where that cannot be told
 * @param parks whether it holds back the later events of its aggregate
 * @param kind the kind of rejection in lower case, or {@link #BEHIND}
 * @param reason why, in one line; never any part of a payload
 */
public record AsideEvent(OutboxEvent event, String destination, boolean parks, String kind, String reason) {

    /** The kind of an event that nobody rejected: it waits behind another one of its aggregate. */
    public static final String BEHIND = "behind";

    static AsideEvent rejected(OutboxEvent event, String destination, boolean parks, RejectedException reason) {
        return new AsideEvent(event, destination, parks, kindOf(reason), reason.getMessage());
    }

    static AsideEvent behind(OutboxEvent event, String destination) {
        return new AsideEvent(event, destination, true, BEHIND, "waits behind an earlier event of its aggregate");
    }

    /** The kind of a rejection, as it is stored. */
    public static String kindOf(RejectedException reason) {
        return reason.kind().name().toLowerCase(Locale.ROOT);
    }

    /** Whether it was never tried. */
    public boolean isBehind() {
        return kind.equals(BEHIND);
    }
}
