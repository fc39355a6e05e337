package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

import io.outboxrelay.api.BrokerProvider;
import io.outboxrelay.api.config.Problem;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class KafkaSettingsTest {

    @Test
    void theProviderIsFoundByItsType() {
        assertThat(ServiceLoader.load(BrokerProvider.class))
                .singleElement()
                .extracting(BrokerProvider::type)
                .isEqualTo("kafka");
    }

    @Test
    void theDefaultsStoreEveryMessageOnceAndInOrder() {
        ProducerConfig producer = producer("");

        assertThat(producer.getString("acks")).isEqualTo("-1");
        assertThat(producer.getBoolean("enable.idempotence")).isTrue();
        assertThat(producer.getInt("retries")).isEqualTo(Integer.MAX_VALUE);
        assertThat(producer.getInt("delivery.timeout.ms")).isEqualTo(Integer.MAX_VALUE);
        assertThat(producer.getInt("max.in.flight.requests.per.connection")).isEqualTo(1);
        assertThat(producer.getBoolean("partitioner.ignore.keys")).isFalse();
        assertThat(producer.getBoolean("enable.metrics.push")).isFalse();
        assertThat(producer.getLong("linger.ms")).isZero();
        assertThat(producer.getInt("batch.size")).isEqualTo(128 << 10);
        assertThat(producer.getString("compression.type")).isEqualTo("lz4");
        assertThat(producer.getLong("buffer.memory")).isEqualTo(32 << 20);
        assertThat(producer.getInt("max.request.size")).isEqualTo(32 << 20);
        assertThat(producer.getLong("max.block.ms")).isEqualTo(10_000);
    }

    @ParameterizedTest
    @CsvSource({
        "acks = all, in-sync replica",
        "acks = 1, in-sync replica",
        "enable.idempotence = false, out of order",
        "retries = 3, alone retries",
        "delivery.timeout.ms = 120000, alone retries",
        "key.serializer = x.Y, bytes",
        "value.serializer = x.Y, bytes",
        "transactional.id = t, transactions",
        "transaction.timeout.ms = 1, transactions",
        "transaction.two.phase.commit.enable = true, transactions",
        "interceptor.classes = x.Y, unseen",
        "partitioner.class = x.Y, one partition",
        "partitioner.ignore.keys = true, one partition",
        "partitioner.adaptive.partitioning.enable = false, one partition",
        "partitioner.availability.timeout.ms = 5, one partition",
        "max.in.flight.requests.per.connection = 6, 1 to 5",
        "max.in.flight.requests.per.connection = 0, 1 to 5",
        "max.in.flight.requests.per.connection = many, 1 to 5",
    })
    void aSettingThatWouldBreakThePromiseIsRefusedWithTheReason(String setting, String reason) {
        assertThat(Brokers.problems("producer { " + setting + " }")).anySatisfy(problem -> {
            assertThat(problem.path()).isEqualTo("broker.kafka.producer." + setting.split(" ", -1)[0]);
            assertThat(problem.text()).contains(reason);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void upToFiveRequestsInFlightAreTheOperatorsChoice(int requests) {
        assertThat(producer("producer { max.in.flight.requests.per.connection = " + requests + " }")
                        .getInt("max.in.flight.requests.per.connection"))
                .isEqualTo(requests);
    }

    @Test
    void everyOtherSettingOfTheProducerPassesThroughAndStandsAboveTheSections() {
        ProducerConfig producer = producer("""
                linger = 3ms
                producer {
                  linger.ms = 7
                  batch.size = 1000
                  metadata.max.age.ms = 60000
                  compression { type = zstd, zstd.level = 5 }
                  client.id = orders
                }""");

        assertThat(producer.getLong("linger.ms")).isEqualTo(7);
        assertThat(producer.getInt("batch.size")).isEqualTo(1000);
        assertThat(producer.getLong("metadata.max.age.ms")).isEqualTo(60_000);
        assertThat(producer.getString("compression.type")).isEqualTo("zstd");
        assertThat(producer.getInt("compression.zstd.level")).isEqualTo(5);
        assertThat(producer.getString("client.id")).isEqualTo("orders");
    }

    @Test
    void settingsOfTheConnectionReachProducerAndAdministration() {
        ClientSettings clients = Brokers.read(
                        "client { security.protocol = SASL_SSL, sasl.mechanism = PLAIN, ssl.truststore.type = PEM }")
                .clients();

        for (Map<String, Object> client : List.of(clients.producer(), clients.admin())) {
            assertThat(client)
                    .containsEntry("security.protocol", "SASL_SSL")
                    .containsEntry("sasl.mechanism", "PLAIN")
                    .containsEntry("ssl.truststore.type", "PEM");
        }
        assertThat(new AdminClientConfig(clients.admin()).getInt("default.api.timeout.ms"))
                .isEqualTo(10_000);
    }

    @ParameterizedTest
    @CsvSource({
        "producer { lingr.ms = 1 }, producer.lingr.ms, nearest is linger.ms",
        "client { security.protocl = SSL }, client.security.protocl, nearest is security.protocol",
        "client { linger.ms = 1 }, client.linger.ms, belongs to broker.kafka.producer",
        "producer { sasl.mechanism = PLAIN }, producer.sasl.mechanism, belongs to broker.kafka.client",
        "client { bootstrap.servers = h }, client.bootstrap.servers, set by broker.kafka.bootstrap-servers",
        "client { default.api.timeout.ms = 1 }, client.default.api.timeout.ms, set by broker.kafka.answer-timeout",
        "client { retries = 1 }, client.retries, alone retries",
        "producer { linger.ms = soon }, producer.linger.ms, Not a number",
        "producer { compression.type = zip }, producer.compression.type, zip",
        "client { security.protocol = TLS }, client.security.protocol, TLS",
        "topics { partitions = 0 }, topics.partitions, -1 for the cluster's default",
        "topics { config { min.insync.replicas = two } }, topics.config.min.insync.replicas, from 1 to 99",
        "buffer-memory = 1k, buffer-memory, a size from",
        "compression = zip, compression, 'none, gzip, snappy, lz4, zstd'",
    })
    void aFaultIsNamedWithItsPathAndWhatIsAllowed(String section, String path, String text) {
        assertThat(Brokers.problems(section)).singleElement().satisfies(problem -> {
            assertThat(problem.path()).isEqualTo("broker.kafka." + path);
            assertThat(problem.text()).contains(text);
        });
    }

    @Test
    void allFaultsAreFoundInOnePass() {
        assertThat(Brokers.problems("producer { acks = 1, linger.ms = x, bach.size = 1 }\nbatch-size = 1t"))
                .extracting(Problem::path)
                .containsExactlyInAnyOrder(
                        "broker.kafka.producer.acks",
                        "broker.kafka.producer.linger.ms",
                        "broker.kafka.producer.bach.size",
                        "broker.kafka.batch-size");
    }

    @Test
    void namesThatKafkaHandsToClassesOfOnesOwnAreLeftToThem() {
        assertThat(Brokers.problems("client { metrics.context.cluster = a }")).isEmpty();
        assertThat(
                        Brokers.problems(
                                "client { metric.reporters = org.apache.kafka.common.metrics.JmxReporter, my.reporter.port = 1 }"))
                .isEmpty();
    }

    @Test
    void aSecretCanStayInAFile(@TempDir Path directory) throws IOException {
        Path secrets = Files.writeString(directory.resolve("kafka.properties"), "jaas=a secret");

        ProducerConfig producer = producer("""
                client {
                  "config.providers" = file
                  config.providers.file.class = org.apache.kafka.common.config.provider.FileConfigProvider
                  sasl.jaas.config = "${file:%s:jaas}"
                }""".formatted(secrets));

        assertThat(producer.getPassword("sasl.jaas.config").value()).isEqualTo("a secret");
    }

    @Test
    void noPasswordIsShownInAProblem() {
        assertThat(Brokers.problems(
                                "client { sasl.jaas.config = hunter2, ssl.key.password = hunter2 }, producer.linger.ms = x")
                        .toString())
                .doesNotContain("hunter2");
    }

    private static ProducerConfig producer(String section) {
        assertThat(Brokers.problems(section)).isEmpty();
        return new ProducerConfig(Brokers.read(section).clients().producer());
    }
}
