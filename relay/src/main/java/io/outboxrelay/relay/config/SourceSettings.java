package io.outboxrelay.relay.config;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

import io.outboxrelay.api.SourceFactory;

/**
 * The section {@code source}: what reads the outbox, and what else may.
 *
 * @param primary the source that {@code source.type} names, configured
 * @param fallback what reads the table while the primary one cannot read the log; empty if there is none, and for a
 *     primary source that reads the table itself
 * @param fallbackAfter how long the primary one may fail, although the database answers
 * @param maxRetainedLog the most bytes of log that the server may keep for the relay; empty for no limit
 */
public record SourceSettings(
        SourceFactory primary, Optional<SourceFactory> fallback, Duration fallbackAfter, OptionalLong maxRetainedLog) {}
