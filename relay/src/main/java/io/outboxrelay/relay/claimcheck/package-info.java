/** Payloads that go another way than their messages: kept in the service's database, fetched by SQL or over HTTP. */
package io.outboxrelay.relay.claimcheck;
