package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** A cluster that accepts connections and says nothing. */
@Timeout(60)
class SilentClusterTest {

    @Test
    void aCheckEndsWithinTheAnswerTimeOut() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            assertThatThrownBy(() -> factory(silent).check(Set.of("events"))).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aMessageFailsWithNotYetWithinTheAnswerTimeOutAndTheBrokerCloses() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                Broker broker = factory(silent).open()) {
            CompletableFuture<Void> answer = broker.publish(
                            new Message("events", "k", new byte[] {1}, Map.of(), Instant.EPOCH))
                    .toCompletableFuture();

            assertThatThrownBy(answer::get)
                    .isInstanceOf(ExecutionException.class)
                    .hasCauseInstanceOf(IOException.class);
        }
    }

    private static BrokerFactory factory(ServerSocket cluster) {
        return new KafkaBrokerProvider()
                .configure(Settings.of(ConfigFactory.parseString("broker.kafka { bootstrap-servers = \"127.0.0.1:"
                                + cluster.getLocalPort() + "\", answer-timeout = 1s,"
                                // For this long the client may wait for the cluster when it is closed.
                                + " client { request.timeout.ms = 2000 } }")
                        .withFallback(ConfigFactory.defaultReference())
                        .getConfig("broker.kafka")));
    }
}
