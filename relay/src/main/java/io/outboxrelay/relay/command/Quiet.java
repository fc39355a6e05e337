package io.outboxrelay.relay.command;

/** A command that logs nothing and should be quick: the log is not set up for it. */
interface Quiet {}
