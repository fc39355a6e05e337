/** The distribution as users run it: a process with a configuration file, beside real servers. */
package io.outboxrelay.relay.process;
