package io.outboxrelay.relay.config;

import java.time.Duration;
import java.util.Optional;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.schema.OutboxTable;

/**
 * All that one relay is told. What is here has been checked; whether it is true of the database and the broker is for
 * {@code check} to say.
 *
 * @param database the service's database and who the relay is there
 * @param outbox the table
 * @param afterDelivery what becomes of its rows: {@code outbox.after-delivery} and its neighbours
 * @param source the section {@code source}
 * @param broker the broker that {@code broker.type} names, configured
 * @param delivery the section {@code delivery}
 * @param restart the section {@code restart}
 * @param admin the section {@code admin}
 * @param logging the section {@code logging}
 * @param tracing the section {@code tracing}; empty where nothing is traced
 * @param shutdownTimeout {@code shutdown.timeout}: how long an orderly stop may take
 */
public record RelayConfig(
        DatabaseAddress database,
        OutboxTable outbox,
        AfterDelivery afterDelivery,
        SourceSettings source,
        BrokerFactory broker,
        DeliverySettings delivery,
        RestartSettings restart,
        AdminSettings admin,
        LoggingSettings logging,
        Optional<TracingSettings> tracing,
        Duration shutdownTimeout) {}
