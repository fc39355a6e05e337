package io.outboxrelay.testkit;

import java.util.Map;

import kafka.server.KafkaRaftServer;

/** Kafka inside this JVM, broker and controller in one, from Maven artefacts. */
final class EmbeddedKafkaServer implements KafkaServer {

    private final int port = FreePorts.next();
    private final ServerDirectory directory = new ServerDirectory("kafka");
    private final Map<String, String> properties;
    private final Thread endWithTheJvm = new Thread(this::end, "kafka-" + port + "-end");

    /** Null while stopped. */
    private KafkaRaftServer running;

    EmbeddedKafkaServer(Map<String, String> properties) {
        String log = directory.resolve("log").toString();
        this.properties = KafkaNode.properties(port, log, properties);
        Runtime.getRuntime().addShutdownHook(endWithTheJvm);
        KafkaNode.format(log);
        begin();
    }

    @Override
    public String bootstrapServers() {
        return "localhost:" + port;
    }

    @Override
    public synchronized void stop() {
        if (running != null) {
            running.shutdown();
            running.awaitShutdown();
            running = null;
        }
    }

    @Override
    public synchronized void restart() {
        stop();
        begin();
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(endWithTheJvm);
        end();
    }

    private synchronized void end() {
        stop();
        directory.delete();
    }

    private void begin() {
        running = KafkaNode.start(properties);
    }
}
