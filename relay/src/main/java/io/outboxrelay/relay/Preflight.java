package io.outboxrelay.relay;

import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.Finding;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.claimcheck.ClaimCheckPreflight;
import io.outboxrelay.relay.config.DeliverySettings;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.deadletter.DeadLetterPreflight;
import io.outboxrelay.relay.delivery.Router;

/**
 * Looks, before anything is read, whether source and broker could work.
 *
 * @param sources what was found of the source and its fallback
 * @param deadLetters what was found of the table for rejected events
 * @param claimChecks what was found of the table for payloads; empty where none is stored or fetched
 * @param broker what was found of the broker, in the order in which it was looked at
 */
record Preflight(
        SourcesCheck sources, DeadLetterPreflight deadLetters, Optional<Finding> claimChecks, List<Finding> broker) {

    /** Copies the findings. */
    Preflight {
        broker = List.copyOf(broker);
    }

    /**
     * Asks the sources and the broker. Changes nothing.
     *
     * @throws SQLException if the database cannot be asked
     * @throws IOException if the broker cannot be asked
     */
    static Preflight of(RelayConfig config, OutboxDatabase database)
            throws SQLException, IOException, InterruptedException {
        return new Preflight(
                SourcesCheck.of(config.source(), database),
                ofDeadLetters(config, database),
                ofClaimChecks(config, database),
                ofBroker(config));
    }

    /** Asks for the table of rejected events alone. */
    static DeadLetterPreflight ofDeadLetters(RelayConfig config, OutboxDatabase database) throws SQLException {
        return DeadLetterPreflight.of(database, config.delivery().rejection().usesTable());
    }

    /** Asks for the table of payloads alone; empty where none is stored or fetched. */
    static Optional<Finding> ofClaimChecks(RelayConfig config, OutboxDatabase database) throws SQLException {
        return ClaimCheckPreflight.of(database, config.delivery().claimCheck());
    }

    /** Asks the broker alone. */
    static List<Finding> ofBroker(RelayConfig config) throws IOException, InterruptedException {
        List<Finding> findings = new ArrayList<>(config.broker().check(knownDestinations(config.delivery())));
        if (Router.constantDestination(config.delivery().topic()).isEmpty()) {
            findings.add(Finding.ok(
                    "delivery.topic",
                    config.delivery().topic() + " is filled in for each event, so its topics are not looked at before."
                            + " Each must exist, unless the broker's settings let the relay create it; an event"
                            + " whose topic is missing is rejected"));
        }
        return findings;
    }

    /** All that was found, as it is told. */
    List<Finding> findings() {
        List<Finding> findings = new ArrayList<>(sources.findings());
        findings.add(deadLetters.finding());
        claimChecks.ifPresent(findings::add);
        findings.addAll(broker);
        return findings;
    }

    /** What keeps the relay from its work. */
    List<Finding> errors() {
        return SourcesCheck.errors(findings());
    }

    private static Set<String> knownDestinations(DeliverySettings delivery) {
        Set<String> known = new HashSet<>();
        Router.constantDestination(delivery.topic()).ifPresent(known::add);
        if (delivery.rejection().usesTopic()) {
            known.add(delivery.rejection().topic());
        }
        return known;
    }
}
