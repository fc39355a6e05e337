package io.outboxrelay.broker.kafka;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.testkit.KafkaServer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** A cluster that asks who one is and what one may. */
class RightsTest {

    private static final String MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required";

    private static KafkaServer server;

    @BeforeAll
    static void start() {
        server = KafkaServer.start(Map.of(
                "listener.security.protocol.map",
                "PLAINTEXT:SASL_PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms",
                "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config",
                MODULE + " user_admin=\"admin\" user_relay=\"relay\";",
                "authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users",
                "User:ANONYMOUS;User:admin"));
    }

    @AfterAll
    static void close() {
        if (server != null) {
            server.close();
        }
    }

    @Test
    void writeOnTheTopicIsRightEnough() throws Exception {
        String topic = topic(AclOperation.WRITE);
        try (Broker broker = relay("").open()) {
            stored(broker, topic);
        }
        assertThat(relay("").check(Set.of(topic)))
                .noneMatch(finding -> finding.level() == Finding.Level.ERROR)
                .anyMatch(finding -> finding.level() == Finding.Level.WARNING
                        && finding.subject().contains(topic)
                        && finding.remedy().contains("DescribeConfigs"));
    }

    @Test
    void aTopicThatMayNotBeWrittenToIsRejectedAndTheBrokerGoesOn() throws Exception {
        String readable = topic(AclOperation.DESCRIBE, AclOperation.READ);
        String hidden = topic();
        String writable = topic(AclOperation.WRITE);
        try (Broker broker = relay("").open()) {
            for (String topic : List.of(readable, hidden)) {
                assertThatThrownBy(() -> broker.publish(message(topic)))
                        .isInstanceOf(RejectedException.class)
                        .hasMessageContaining(topic)
                        .hasMessageContaining("allow Write");
            }
            stored(broker, writable);
        }
        assertThat(relay("").check(Set.of(hidden)))
                .anyMatch(finding ->
                        finding.level() == Finding.Level.ERROR && finding.text().contains(hidden));
    }

    @Test
    void aRightThatIsTakenAwayRejectsTheNextMessage() throws Exception {
        String topic = topic(AclOperation.WRITE);
        try (Broker broker = relay("").open()) {
            stored(broker, topic);
            allow(topic, AclPermissionType.DENY, AclOperation.WRITE);
            Awaitility.await("the broker's authorizer has heard of it")
                    .atMost(Duration.ofSeconds(10))
                    .untilAsserted(() -> assertThatThrownBy(() -> {
                                try (Broker other = relay("").open()) {
                                    stored(other, topic);
                                }
                            })
                            .isInstanceOf(RejectedException.class));

            assertThat(broker.publish(message(topic)).toCompletableFuture())
                    .failsWithin(Duration.ofSeconds(30))
                    .withThrowableThat()
                    .havingCause()
                    .isInstanceOf(RejectedException.class)
                    .withMessageContaining("allow Write");
        }
    }

    @Test
    void aTopicThatMayNotBeCreatedIsRejectedWithTheRemedy() {
        String topic = "topic-" + UUID.randomUUID();
        grant(topic, AclOperation.WRITE);
        try (Broker broker = relay("topics.create = true").open()) {
            assertThatThrownBy(() -> broker.publish(message(topic)))
                    .isInstanceOf(RejectedException.class)
                    .hasMessageContaining("allow Create");
        }
    }

    @Test
    void aWrongPasswordIsAnErrorThatNamesTheRemedyAndNotThePassword() throws Exception {
        BrokerFactory wrong = as("relay", "hunter2", "");

        assertThat(wrong.check(Set.of())).singleElement().satisfies(finding -> {
            assertThat(finding.level()).isEqualTo(Finding.Level.ERROR);
            assertThat(finding.text()).contains("Authentication failed").doesNotContain("hunter2");
            assertThat(finding.remedy()).contains("broker.kafka.client");
        });
        try (Broker broker = wrong.open()) {
            assertThat(broker.publish(message("any")).toCompletableFuture())
                    .failsWithin(Duration.ofSeconds(30))
                    .withThrowableThat()
                    .havingCause()
                    .isNotInstanceOf(RejectedException.class);
        }
    }

    @Test
    void aLoginThatCannotEvenBeTriedIsAnError() throws Exception {
        BrokerFactory broken = Brokers.at(
                server,
                "client { security.protocol = SASL_PLAINTEXT, sasl.mechanism = PLAIN, sasl.jaas.config = \"x\" }");

        assertThat(broken.check(Set.of()))
                .singleElement()
                .extracting(Finding::level)
                .isEqualTo(Finding.Level.ERROR);
        try (Broker broker = broken.open()) {
            assertThat(broker.publish(message("any")).toCompletableFuture()).isCompletedExceptionally();
        }
    }

    private static BrokerFactory relay(String section) {
        return as("relay", "relay", section);
    }

    private static BrokerFactory as(String user, String password, String section) {
        return Brokers.at(server, """
                client {
                  security.protocol = SASL_PLAINTEXT
                  sasl.mechanism = PLAIN
                  sasl.jaas.config = "%s username=\\"%s\\" password=\\"%s\\";"
                }
                %s""".formatted(MODULE, user, password, section));
    }

    private static String topic(AclOperation... allowed) throws Exception {
        String topic = "topic-" + UUID.randomUUID();
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        if (allowed.length > 0) {
            grant(topic, allowed);
        }
        return topic;
    }

    private static void grant(String topic, AclOperation... operations) {
        allow(topic, AclPermissionType.ALLOW, operations);
        AclOperation last = operations[operations.length - 1];
        Awaitility.await("the broker's authorizer has heard of " + last)
                .atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> {
                    try (Admin admin = admin()) {
                        assertThat(admin.describeAcls(AclBindingFilter.ANY)
                                        .values()
                                        .get())
                                .anyMatch(acl -> acl.pattern().name().equals(topic)
                                        && acl.entry().operation() == last);
                    }
                });
    }

    private static void allow(String topic, AclPermissionType type, AclOperation... operations) {
        ResourcePattern pattern = new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL);
        List<AclBinding> acls = Arrays.stream(operations)
                .map(operation -> new AclBinding(pattern, new AccessControlEntry("User:relay", "*", operation, type)))
                .toList();
        try (Admin admin = admin()) {
            admin.createAcls(acls).all().get();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static Admin admin() {
        return Admin.create(Map.of(
                "bootstrap.servers",
                server.bootstrapServers(),
                "security.protocol",
                "SASL_PLAINTEXT",
                "sasl.mechanism",
                "PLAIN",
                "sasl.jaas.config",
                MODULE + " username=\"admin\" password=\"admin\";"));
    }

    private static void stored(Broker broker, String topic) throws Exception {
        broker.publish(message(topic)).toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    private static Message message(String topic) {
        return new Message(topic, "k", new byte[] {1}, Map.of(), Instant.now());
    }
}
