package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;

import io.outboxrelay.api.Fence;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.config.RejectionSettings;
import io.outboxrelay.relay.deadletter.DeadLetterPreflight;
import io.outboxrelay.relay.deadletter.DeadLetterTable;
import io.outboxrelay.relay.deadletter.Redrive;
import io.outboxrelay.relay.delivery.AsideStore;
import io.outboxrelay.relay.delivery.Delivery;
import io.outboxrelay.relay.delivery.EventKey;
import io.outboxrelay.relay.delivery.Rejections;
import io.outboxrelay.relay.delivery.Rejections.Policy;
import io.outboxrelay.relay.ops.Metrics;

/** What becomes of rejected events, as configuration and database have it. */
final class RejectedEvents {

    private final RejectionSettings settings;
    private final OutboxDatabase database;
    private final Metrics metrics;

    RejectedEvents(RejectionSettings settings, OutboxDatabase database, Metrics metrics) {
        this.settings = settings;
        this.database = database;
        this.metrics = metrics;
    }

    /**
     * What a run is told. What is parked stays parked, whatever the policy is now.
     *
     * @param fence the right to read that the run has: without it nothing is put aside any more
     * @throws UnfitException if the policy needs a table that is not there
     */
    Rejections begin(Fence fence) throws UnfitException, SQLException, IOException {
        DeadLetterPreflight found = DeadLetterPreflight.of(database, settings.usesTable());
        if (settings.usesTable() && !found.usable()) {
            throw new UnfitException(List.of(found.finding()));
        }
        Optional<AsideStore> store =
                found.usable() ? Optional.of(new DeadLetterTable(database, fence)) : Optional.empty();
        Set<EventKey> parked = store.isPresent() ? store.get().parked() : Set.of();
        return new Rejections(policy(), settings.topic(), store, parked, metrics::eventRejected);
    }

    /** Who looks after what is put aside while a run lasts; nobody where nothing can be. */
    Optional<Redrive> redrive(Rejections rejections, Delivery delivery, BooleanSupplier leads) {
        Optional<Redrive> redrive = rejections.store().map(store -> new Redrive(database, delivery, leads));
        redrive.ifPresent(look -> metrics.asideIs(
                () -> look.counts().letters(), () -> look.counts().parkedKeys()));
        return redrive;
    }

    private Policy policy() {
        return switch (settings.policy()) {
            case HALT -> Policy.HALT;
            case DEAD_LETTER -> settings.usesTopic() ? Policy.TOPIC : Policy.STORE;
            case PARK_KEY -> Policy.PARK;
        };
    }
}
