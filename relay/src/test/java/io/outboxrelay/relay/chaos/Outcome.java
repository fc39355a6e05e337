package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.Optional;

/**
 * What one fault did.
 *
 * @param fault the fault
 * @param began since the beginning of the run
 * @param mended since the beginning of the run
 * @param recovery from there until all that had been committed by then was delivered
 * @param unready from its beginning until the relay that read was not ready, or did not answer; empty if it was ready throughout
 * @param whole from the mending until one relay read and the other was ready to
 */
record Outcome(
        Fault fault, Duration began, Duration mended, Duration recovery, Optional<Duration> unready, Duration whole) {}
