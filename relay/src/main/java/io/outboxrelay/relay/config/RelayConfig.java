package io.outboxrelay.relay.config;

import java.time.Duration;

import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.schema.OutboxTable;

/**
 * All that one relay is told. What is here has been checked; whether it is true of the database and the broker is for
 * {@code check} to say.
 *
 * @param database the service's database and who the relay is there
 * @param outbox the table
 * @param source the source that {@code source.type} names, configured
 * @param broker the broker that {@code broker.type} names, configured
 * @param delivery the section {@code delivery}
 * @param restart the section {@code restart}
 * @param health the section {@code health}
 * @param shutdownTimeout {@code shutdown.timeout}: how long an orderly stop may take
 */
public record RelayConfig(
        DatabaseAddress database,
        OutboxTable outbox,
        SourceFactory source,
        BrokerFactory broker,
        DeliverySettings delivery,
        RestartSettings restart,
        HealthSettings health,
        Duration shutdownTimeout) {}
