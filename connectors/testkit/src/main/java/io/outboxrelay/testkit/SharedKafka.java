package io.outboxrelay.testkit;

/** Started by whoever asks first, ended with the JVM. */
final class SharedKafka {

    static final KafkaServer SERVER = KafkaServer.start();

    private SharedKafka() {}
}
