package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;

import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;

/** Broker and controller in one. Started inside this JVM, or, by its {@link #main}, as the whole of another. */
final class KafkaNode {

    private static final int NODE = 1;

    private KafkaNode() {}

    /**
     * Runs a node until the process is told to end.
     *
     * @param arguments a file with the node's properties
     */
    public static void main(String[] arguments) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            properties.load(reader);
        }
        KafkaRaftServer server = start(properties.stringPropertyNames().stream()
                .collect(Collectors.toMap(name -> name, properties::getProperty)));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown, "kafka-shutdown"));
        server.awaitShutdown();
    }

    /**
     * What a node needs to be told.
     *
     * @param port of the listener {@code PLAINTEXT}, for clients
     * @param log its directory
     * @param more wins
     */
    static Map<String, String> properties(int port, String log, Map<String, String> more) {
        int brokerPort = FreePorts.next();
        int controllerPort = FreePorts.next();
        Map<String, String> all = new HashMap<>(KafkaProperties.DEFAULTS);
        all.putAll(Map.ofEntries(
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
        all.putAll(more);
        return all;
    }

    static KafkaRaftServer start(Map<String, String> properties) {
        KafkaRaftServer server = new KafkaRaftServer(new KafkaConfig(properties, false), Time.SYSTEM);
        server.startup();
        return server;
    }

    /** Makes a new directory ready, once. */
    static void format(String log) {
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
