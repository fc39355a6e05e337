package io.outboxrelay.api;

/** A failure that reaches an operator under a code of its own. */
public interface Coded {

    /** What went wrong. */
    Code code();
}
