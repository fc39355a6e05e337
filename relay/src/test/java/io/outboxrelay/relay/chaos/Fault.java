package io.outboxrelay.relay.chaos;

import java.time.Duration;

/**
 * One thing to break.
 *
 * @param number from 1, within its plan
 * @param kind what
 * @param length how long it stays broken, beside the time that breaking and mending take
 */
record Fault(int number, FaultKind kind, Duration length) {

    @Override
    public String toString() {
        return number + " " + kind + " " + length.toMillis() + " ms";
    }
}
