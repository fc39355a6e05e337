package io.outboxrelay.relay.config;

import java.util.List;
import java.util.Set;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.BrokerProvider;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.config.Settings;

/** A broker without settings, which takes nothing. */
final class ScriptedBrokerProvider implements BrokerProvider {

    @Override
    public String type() {
        return "scripted";
    }

    @Override
    public BrokerFactory configure(Settings settings) {
        return new BrokerFactory() {
            @Override
            public List<Finding> check(Set<String> destinations) {
                return List.of();
            }

            @Override
            public Broker open() {
                throw new UnsupportedOperationException();
            }
        };
    }
}
