package io.outboxrelay.relay.chaos;

import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;

import io.outboxrelay.testkit.KafkaProcess;
import io.outboxrelay.testkit.network.Flow;
import io.outboxrelay.testkit.network.TcpProxy;
import org.awaitility.Awaitility;

/** Breaks what a fault says, waits for as long as it says, and mends it. Recovery is not its business. */
final class Injector {

    private static final int SLOW_BYTES_PER_SECOND = 50_000;
    private static final Duration DISK_LIMIT = Duration.ofSeconds(20);

    private final Scene scene;

    Injector(Scene scene) {
        this.scene = scene;
    }

    /** Blocks until it is mended. */
    void inject(Fault fault) throws Exception {
        switch (fault.kind()) {
            case POSTGRES_CUT -> scene.toPostgres().cut();
            case POSTGRES_REFUSED -> refuse(scene.toPostgres(), fault);
            case POSTGRES_HELD -> flow(scene.toPostgres(), Flow.HELD, Flow.HELD, fault);
            case POSTGRES_DEAF -> flow(scene.toPostgres(), Flow.HELD, Flow.FREE, fault);
            case POSTGRES_MUTE -> flow(scene.toPostgres(), Flow.FREE, Flow.HELD, fault);
            case POSTGRES_HALF_OPEN -> halfOpen(scene.toPostgres(), fault);
            case POSTGRES_SLOW -> slow(scene.toPostgres(), fault);
            case POSTGRES_BYTE_BY_BYTE -> flow(scene.toPostgres(), Flow.BYTE_BY_BYTE, Flow.BYTE_BY_BYTE, fault);
            case KAFKA_CUT -> scene.toKafka().cut();
            case KAFKA_REFUSED -> refuse(scene.toKafka(), fault);
            case KAFKA_HELD -> flow(scene.toKafka(), Flow.HELD, Flow.HELD, fault);
            case KAFKA_DEAF -> flow(scene.toKafka(), Flow.HELD, Flow.FREE, fault);
            case KAFKA_MUTE -> flow(scene.toKafka(), Flow.FREE, Flow.HELD, fault);
            case KAFKA_HALF_OPEN -> halfOpen(scene.toKafka(), fault);
            case KAFKA_SLOW -> slow(scene.toKafka(), fault);
            case KAFKA_BYTE_BY_BYTE -> flow(scene.toKafka(), Flow.BYTE_BY_BYTE, Flow.BYTE_BY_BYTE, fault);
            case LEADER_KILLED -> kill(List.of(scene.leader()), fault);
            case STANDBY_KILLED -> kill(List.of(scene.standby()), fault);
            case BOTH_KILLED -> kill(scene.relays(), fault);
            case LEADER_STOPPED -> stop(scene.leader(), fault);
            case LEADER_PAUSED -> pause(scene.leader(), fault);
            case STANDBY_PAUSED -> pause(scene.standby(), fault);
            case POSTGRES_RESTARTED -> restartPostgres(fault);
            case POSTGRES_KILLED -> killPostgres(fault);
            case WALSENDER_TERMINATED -> terminate("backend_type = 'walsender'");
            case SESSIONS_TERMINATED -> terminate("backend_type IN ('client backend', 'walsender')");
            case SLOT_DROPPED -> scene.dropSlot();
            case KAFKA_RESTARTED -> restartKafka(fault);
            case KAFKA_KILLED -> killKafka(fault);
            case KAFKA_PAUSED -> pauseKafka(fault);
            case KAFKA_DISK_FULL -> fillDisk(fault);
        }
    }

    /** Whether this machine allows it. */
    boolean canInject(FaultKind kind) {
        return kind != FaultKind.KAFKA_DISK_FULL || scene.disk().isPresent();
    }

    private static void refuse(TcpProxy network, Fault fault) {
        network.refuse();
        network.cut();
        last(fault);
        network.heal();
    }

    private static void flow(TcpProxy network, Flow toServer, Flow toClient, Fault fault) {
        network.toServer(toServer);
        network.toClient(toClient);
        last(fault);
        network.heal();
    }

    private static void halfOpen(TcpProxy network, Fault fault) {
        network.both(Flow.HELD);
        network.deaden();
        last(fault);
        network.deaden();
        network.heal();
    }

    private static void slow(TcpProxy network, Fault fault) {
        Flow slow = Flow.slow(SLOW_BYTES_PER_SECOND);
        flow(network, slow, slow, fault);
    }

    private static void kill(List<ChaosRelay> relays, Fault fault) throws InterruptedException {
        for (ChaosRelay relay : relays) {
            relay.kill();
        }
        last(fault);
        relays.forEach(ChaosRelay::start);
    }

    private static void stop(ChaosRelay relay, Fault fault) throws InterruptedException {
        int exit = relay.stop();
        if (exit != 0) {
            throw new AssertionError("a relay that was told to stop ended with " + exit);
        }
        last(fault);
        relay.start();
    }

    private static void pause(ChaosRelay relay, Fault fault) throws InterruptedException {
        relay.pause();
        last(fault);
        relay.resume();
    }

    private void restartPostgres(Fault fault) {
        scene.postgres().stop();
        last(fault);
        scene.postgres().restart();
    }

    private void killPostgres(Fault fault) {
        scene.postgres().kill();
        last(fault);
        scene.postgres().restart();
    }

    private void terminate(String condition) throws SQLException {
        scene.postgres().terminateBackends(condition);
    }

    private void restartKafka(Fault fault) {
        scene.kafka().stop();
        last(fault);
        scene.kafka().restart();
    }

    private void killKafka(Fault fault) {
        scene.kafka().kill();
        last(fault);
        scene.kafka().restart();
    }

    private void pauseKafka(Fault fault) {
        scene.kafka().signal("STOP");
        last(fault);
        scene.kafka().signal("CONT");
    }

    private void fillDisk(Fault fault) throws IOException {
        KafkaProcess kafka = scene.kafka();
        SmallDisk disk = scene.disk().orElseThrow();
        disk.fill();
        Awaitility.await("Kafka to end, for want of room")
                .atMost(DISK_LIMIT)
                .pollInterval(Duration.ofMillis(50))
                .until(() -> !kafka.isAlive());
        last(fault);
        disk.empty();
        kafka.restart();
    }

    private static void last(Fault fault) {
        Moments.pass(fault.length());
    }
}
