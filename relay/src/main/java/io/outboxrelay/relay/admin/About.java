package io.outboxrelay.relay.admin;

import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What does not change while the process runs.
 *
 * @param version the program's; empty if unknown
 * @param outbox the table
 * @param database its database, without user and password
 * @param startedAt when the process began
 * @param retainedLimit {@code source.max-retained-wal} in bytes; empty for none
 */
record About(Optional<String> version, String outbox, String database, Instant startedAt, OptionalLong retainedLimit) {}
