package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;

/** What stands in for a producer that could not be built, as when no address of the cluster can be resolved. */
final class UnopenedBroker implements Broker {

    private final IOException failure;

    UnopenedBroker(IOException failure) {
        this.failure = failure;
    }

    @Override
    public CompletionStage<Void> publish(Message message) {
        return CompletableFuture.failedStage(failure);
    }

    @Override
    public void close() {
        // Holds nothing.
    }
}
