package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.config.DeliverySettings;
import io.outboxrelay.relay.config.OnRejected;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.delivery.Router;

/**
 * Looks, before anything is read, whether source and broker could work.
 *
 * @param findings what was found, in the order in which it was looked at
 */
public record Preflight(List<Finding> findings) {

    /** Copies the findings. */
    public Preflight {
        findings = List.copyOf(findings);
    }

    /**
     * Asks the source and the broker. Changes nothing.
     *
     * @throws SQLException if the database cannot be asked
     * @throws IOException if the broker cannot be asked
     */
    public static Preflight of(RelayConfig config, OutboxDatabase database)
            throws SQLException, IOException, InterruptedException {
        List<Finding> findings = new ArrayList<>(ofSource(config, database));
        findings.addAll(ofBroker(config));
        return new Preflight(findings);
    }

    /** Asks the source alone. */
    static List<Finding> ofSource(RelayConfig config, OutboxDatabase database) throws SQLException {
        return config.source().check(database);
    }

    /** Asks the broker alone. */
    static List<Finding> ofBroker(RelayConfig config) throws IOException, InterruptedException {
        return config.broker().check(knownDestinations(config.delivery()));
    }

    /** Whether nothing was found that keeps the relay from its work. */
    public boolean passed() {
        return errors().isEmpty();
    }

    /** What keeps the relay from its work. */
    public List<Finding> errors() {
        return findings.stream()
                .filter(finding -> finding.level() == Finding.Level.ERROR)
                .toList();
    }

    private static Set<String> knownDestinations(DeliverySettings delivery) {
        Set<String> known = new HashSet<>();
        Router.constantDestination(delivery.topic()).ifPresent(known::add);
        if (delivery.onRejected() == OnRejected.DEAD_LETTER) {
            known.add(delivery.deadLetterTopic());
        }
        return known;
    }
}
