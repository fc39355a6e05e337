/** The only place with routing, retry, ordering, limits and rejection policy. */
package io.outboxrelay.relay.delivery;
