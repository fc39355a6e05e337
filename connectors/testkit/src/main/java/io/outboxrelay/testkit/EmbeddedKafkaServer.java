package io.outboxrelay.testkit;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;

/** Kafka inside this JVM, broker and controller in one, from Maven artefacts. */
final class EmbeddedKafkaServer implements KafkaServer {

    private static final int NODE = 1;

    private final int port = FreePorts.next();
    private final ServerDirectory directory = new ServerDirectory("kafka");
    private final Map<String, String> properties = new HashMap<>();
    private final Thread endWithTheJvm = new Thread(this::end, "kafka-" + port + "-end");

    /** Null while stopped. */
    private KafkaRaftServer running;

    EmbeddedKafkaServer(Map<String, String> properties) {
        String log = directory.resolve("log").toString();
        int brokerPort = FreePorts.next();
        int controllerPort = FreePorts.next();
        this.properties.putAll(KafkaProperties.DEFAULTS);
        this.properties.putAll(Map.ofEntries(
                Map.entry("process.roles", "broker,controller"),
                Map.entry("node.id", Integer.toString(NODE)),
                Map.entry("controller.quorum.voters", NODE + "@localhost:" + controllerPort),
                Map.entry(
                        "listeners",
                        "PLAINTEXT://localhost:" + port + ",BROKER://localhost:" + brokerPort
                                + ",CONTROLLER://localhost:" + controllerPort),
                Map.entry(
                        "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"),
                Map.entry("inter.broker.listener.name", "BROKER"),
                Map.entry("controller.listener.names", "CONTROLLER"),
                Map.entry("log.dirs", log)));
        this.properties.putAll(properties);
        Runtime.getRuntime().addShutdownHook(endWithTheJvm);
        format(log);
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
        KafkaRaftServer server = new KafkaRaftServer(new KafkaConfig(properties, false), Time.SYSTEM);
        server.startup();
        running = server;
    }

    private static void format(String log) {
        try (PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)) {
            new Formatter()
                    .setPrintStream(nowhere)
                    .setClusterId(Uuid.randomUuid().toString())
                    .setNodeId(NODE)
                    .setControllerListenerName("CONTROLLER")
                    .addDirectory(log)
                    .setMetadataLogDirectory(log)
                    .run();
        } catch (Exception e) {
            throw new IllegalStateException("could not format Kafka's directory " + log, e);
        }
    }
}
