package io.outboxrelay.relay.admin;

/** The metrics that the API rests on, without their prefix. */
final class MeterNames {

    static final String MODE = "mode";
    static final String SETTLED = "events.settled";
    static final String UNSETTLED = "events.unsettled";
    static final String REMOVED = "removed.rows";
    static final String MISSED = "missed.rows";
    static final String REJECTED = "rejected.events";
    static final String FALLBACKS = "fallbacks";
    static final String BREAKER = "broker.breaker";
    static final String LEADER = "leader";

    private MeterNames() {}
}
