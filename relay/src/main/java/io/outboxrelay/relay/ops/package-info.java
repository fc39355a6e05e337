/** What operators see of a running relay, and the connections it holds to the service's database. */
package io.outboxrelay.relay.ops;
