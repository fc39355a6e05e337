/** What the log looks like, and how much of it there is. Built on Logback. */
package io.outboxrelay.relay.logging;
