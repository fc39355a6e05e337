/** A network that fails when it is told to. */
package io.outboxrelay.testkit.network;
