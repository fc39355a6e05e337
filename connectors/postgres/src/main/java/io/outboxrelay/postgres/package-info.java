/** What every source on Postgres needs, whatever way it reads. */
package io.outboxrelay.postgres;
