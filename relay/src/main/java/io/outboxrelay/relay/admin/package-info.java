/** The admin port: probes, metrics, the API for operators and the status page, over HTTP. */
package io.outboxrelay.relay.admin;
