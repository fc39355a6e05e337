package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.lang.ProcessBuilder.Redirect;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

import org.awaitility.Awaitility;

/**
 * A Kafka from Maven artefacts as a process of its own, so that it can be killed, paused, and run out of disk. Behind a
 * {@link io.outboxrelay.testkit.network.TcpProxy} it tells those clients to come through the proxy: its listener
 * {@code PROXIED}. Who asks at {@link #bootstrapServers()} is served directly.
 */
public final class KafkaProcess implements KafkaServer {

    private static final Duration START_LIMIT = Duration.ofSeconds(90);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(30);

    private final int port = FreePorts.next();
    private final int proxiedPort = FreePorts.next();
    private final int proxyPort = FreePorts.next();
    private final ServerDirectory directory = new ServerDirectory("kafka");
    private final Path output;
    private final Path configuration = directory.resolve("server.properties");
    private final Thread endWithTheJvm = new Thread(this::end, "kafka-" + port + "-end");

    /** Null while stopped. */
    private Process running;

    private KafkaProcess(Path log, Path output) {
        this.output = output;
        Map<String, String> settings = new HashMap<>();
        int brokerPort = FreePorts.next();
        int controllerPort = FreePorts.next();
        String direct = "PLAINTEXT://localhost:" + port + ",BROKER://localhost:" + brokerPort;
        settings.put("controller.quorum.voters", "1@localhost:" + controllerPort);
        settings.put(
                "listeners",
                direct + ",PROXIED://localhost:" + proxiedPort + ",CONTROLLER://localhost:" + controllerPort);
        settings.put("advertised.listeners", direct + ",PROXIED://localhost:" + proxyPort);
        settings.put(
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT");
        // By default a killed broker is let in again after nine seconds.
        settings.put("broker.session.timeout.ms", "2000");
        settings.put("broker.heartbeat.interval.ms", "500");
        Path data = log == null ? directory.resolve("log") : log;
        Properties properties = new Properties();
        properties.putAll(KafkaNode.properties(port, data.toString(), settings));
        try (Writer writer = Files.newBufferedWriter(configuration)) {
            properties.store(writer, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        KafkaNode.format(data.toString());
        Runtime.getRuntime().addShutdownHook(endWithTheJvm);
        restart();
    }

    /**
     * Starts a server for the caller alone, who closes it.
     *
     * @param output where it writes its own log
     */
    public static KafkaProcess start(Path output) {
        return new KafkaProcess(null, output);
    }

    /** The same with its data in a directory of the caller's, such as a small disk; it stays. */
    public static KafkaProcess startIn(Path data, Path output) {
        return new KafkaProcess(data, output);
    }

    @Override
    public String bootstrapServers() {
        return "localhost:" + port;
    }

    /** Where the proxy finds the server. */
    public int proxiedPort() {
        return proxiedPort;
    }

    /** Where the proxy has to listen. */
    public int proxyPort() {
        return proxyPort;
    }

    /** Whether the process runs; a server whose disk is full ends by itself. */
    public synchronized boolean isAlive() {
        return running != null && running.isAlive();
    }

    /** Asks the server to end, and kills it after half a minute. */
    @Override
    public synchronized void stop() {
        if (running == null) {
            return;
        }
        running.destroy();
        try {
            if (!running.waitFor(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                kill();
            }
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
        }
        running = null;
    }

    /** {@code kill -9}. Blocks until it is gone. */
    public synchronized void kill() {
        if (running != null) {
            running.destroyForcibly().onExit().join();
            running = null;
        }
    }

    /** Sends a signal to the process, such as {@code STOP}, which makes it hang, and {@code CONT}. */
    public synchronized void signal(String name) {
        try {
            int status = new ProcessBuilder("kill", "-" + name, Long.toString(running.pid()))
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IllegalStateException("kill -" + name + " ended with status " + status);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    @Override
    public synchronized void restart() {
        stop();
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                KafkaNode.class.getName(),
                configuration.toString());
        try {
            running = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(Redirect.appendTo(output.toFile()))
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Awaitility.await("Kafka to listen; its log is " + output)
                .atMost(START_LIMIT)
                .pollInterval(Duration.ofMillis(50))
                .failFast("Kafka ended; its log is " + output, () -> !running.isAlive())
                .until(this::listens);
    }

    @Override
    public void close() {
        Runtime.getRuntime().removeShutdownHook(endWithTheJvm);
        end();
    }

    private synchronized void end() {
        kill();
        directory.delete();
    }

    private boolean listens() throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxiedPort)) {
            return socket.isConnected();
        } catch (ConnectException notYet) {
            return false;
        }
    }
}
