package io.outboxrelay.api;

/**
 * Where an event stands in its source: opaque to all but the source that made it, ordered among the positions of that
 * source. {@link Object#toString()} gives the form that operators see (an LSN, a sequence number).
 */
public interface Position extends Comparable<Position> {}
