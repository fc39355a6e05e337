/** The command line: one class for each command, and how they read and write. Only {@code Main} depends on it. */
package io.outboxrelay.relay.command;
