package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;

/** Looks, before the first message, whether the cluster could keep what the relay promises. Changes nothing. */
final class Preflight {

    private static final String CLUSTER = "Kafka cluster";
    private static final String DURABILITY = "Kafka durability";

    private final KafkaSettings settings;
    private final Admin admin;
    private final Topics topics;
    private final List<Finding> findings = new ArrayList<>();

    Preflight(KafkaSettings settings, Admin admin) {
        this.settings = settings;
        this.admin = admin;
        this.topics = new Topics(admin, settings.newTopics(), settings.answerTimeout());
    }

    /** @throws IOException if the cluster does not answer */
    List<Finding> findings(Set<String> destinations) throws IOException, InterruptedException {
        try {
            DescribeClusterResult cluster =
                    admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
            Collection<Node> nodes = cluster.nodes().get();
            findings.add(Finding.ok(
                    CLUSTER,
                    cluster.clusterId().get() + " at " + settings.servers() + ", " + nodes.size()
                            + (nodes.size() == 1 ? " broker" : " brokers")));
            boolean mayWrite = lookAtTopics(destinations);
            lookAtRight(cluster.authorizedOperations().get(), mayWrite);
            lookAtDefaults(nodes);
            lookAtRequestsInFlight();
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof AuthenticationException)) {
                throw unreachable(settings, e.getCause());
            }
            findings.add(unusable(settings, e.getCause()));
        }
        return findings;
    }

    /**
     * What keeps a client from being used at all.
     *
     * @throws IOException if waiting may mend it
     */
    static Finding unusable(KafkaSettings settings, Throwable failure) throws IOException {
        Throwable root = root(failure);
        if (root instanceof ConfigException && String.valueOf(root.getMessage()).contains("bootstrap")) {
            throw unreachable(settings, root);
        }
        return Finding.error(
                Code.BROKER_REFUSES,
                CLUSTER,
                "the cluster at " + settings.servers() + " cannot be used: " + root.getMessage(),
                "mend broker.kafka.client, or the cluster's listener or credentials");
    }

    static IOException unreachable(KafkaSettings settings, Throwable failure) {
        return new IOException(
                "Kafka at " + settings.servers() + " does not answer: "
                        + root(failure).getMessage(),
                failure);
    }

    private static Throwable root(Throwable failure) {
        return failure.getCause() == null ? failure : root(failure.getCause());
    }

    /** Returns whether one of the topics may be written to, so far as is known. */
    private boolean lookAtTopics(Set<String> destinations) throws IOException, InterruptedException {
        boolean mayWrite = false;
        for (String topic : new TreeSet<>(destinations)) {
            String subject = "Kafka topic " + topic;
            Optional<TopicFacts> facts = topics.look(topic);
            if (facts.isEmpty()) {
                findings.add(missing(topic, subject));
            } else if (facts.get().refusal().isPresent()) {
                findings.add(Finding.error(
                        Code.TOPIC_REFUSES, subject, facts.get().refusal().get().text(), ""));
            } else {
                mayWrite = true;
                lookAtTopic(subject, facts.get());
            }
        }
        return mayWrite;
    }

    private Finding missing(String topic, String subject) throws IOException, InterruptedException {
        if (!settings.newTopics().create()) {
            return Finding.error(
                    Code.TOPIC_MISSING,
                    subject,
                    "it does not exist",
                    "create it, or set broker.kafka.topics.create = true");
        }
        return topics.whyNotCreated(topic)
                .map(why -> Finding.error(Code.TOPIC_REFUSES, subject, why.text(), ""))
                .orElseGet(() -> Finding.ok(subject, "it does not exist and is created by its first message"));
    }

    private void lookAtTopic(String subject, TopicFacts facts) {
        if (facts.limits().isEmpty()) {
            findings.add(Finding.warning(
                    Code.TOPIC_UNREADABLE,
                    subject,
                    "its settings may not be read, so messages are not measured against them before they are sent",
                    "allow DescribeConfigs on the topic"));
            return;
        }
        TopicFacts.Limits limits = facts.limits().get();
        findings.add(durability(subject, facts.copies(), limits.minInSync()));
        if (limits.maxBatchBytes() < settings.clients().batchSize()) {
            findings.add(Finding.warning(
                    Code.TOPIC_BATCH_SMALL,
                    subject,
                    "its " + limits.maxBatchSetting() + " of " + limits.maxBatchBytes()
                            + " is below the relay's batches of "
                            + settings.clients().batchSize() + ", which the client then has to split",
                    "lower broker.kafka.batch-size, or raise the topic's " + limits.maxBatchSetting()));
        }
    }

    private static Finding durability(String subject, int copies, int minInSync) {
        String what = copies + (copies == 1 ? " copy" : " copies") + ", min.insync.replicas " + minInSync;
        if (minInSync > copies) {
            return Finding.error(
                    Code.TOPIC_UNWRITABLE,
                    subject,
                    what + ": no message can be stored",
                    "lower min.insync.replicas, or raise the replication factor");
        }
        if (copies == 1 || minInSync == 1) {
            return Finding.warning(
                    Code.TOPIC_NOT_DURABLE,
                    subject,
                    what + ": a message that was acknowledged is lost if one broker dies for good",
                    "three copies and min.insync.replicas = 2");
        }
        return Finding.ok(subject, what);
    }

    /**
     * Since Kafka 2.8 the right to write to any topic includes that to write idempotently.
     *
     * @see <a href="https://cwiki.apache.org/confluence/display/KAFKA/KIP-679">KIP-679</a>
     */
    private void lookAtRight(Set<AclOperation> allowed, boolean mayWrite) {
        if (allowed != null && !allowed.isEmpty() && !allowed.contains(AclOperation.IDEMPOTENT_WRITE) && !mayWrite) {
            findings.add(Finding.warning(
                    Code.IDEMPOTENCE_RIGHT,
                    "Kafka rights",
                    "the relay may not write idempotently, unless it may write to some topic",
                    "allow Write on the topics, or IdempotentWrite on the cluster"));
        }
    }

    /** What topics get that are created, by the relay or by anybody else who says nothing about copies. */
    private void lookAtDefaults(Collection<Node> nodes) throws InterruptedException, ExecutionException {
        if (nodes.isEmpty()) {
            return;
        }
        ConfigResource broker = new ConfigResource(
                ConfigResource.Type.BROKER, nodes.iterator().next().idString());
        NewTopics created = settings.newTopics();
        try {
            Config config =
                    admin.describeConfigs(List.of(broker)).values().get(broker).get();
            int copies = created.create() && created.replicationFactor().isPresent()
                    ? created.replicationFactor().get()
                    : number(config, "default.replication.factor");
            int minInSync = created.create() && created.minInSync().isPresent()
                    ? created.minInSync().get()
                    : number(config, "min.insync.replicas");
            Finding found = durability(DURABILITY, copies, minInSync);
            // Of topics that others create this says only what happens to those who leave it to the cluster.
            Finding.Level level =
                    found.level() == Finding.Level.ERROR && !created.create() ? Finding.Level.WARNING : found.level();
            findings.add(
                    new Finding(level, found.code(), DURABILITY, "a new topic gets " + found.text(), found.remedy()));
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof AuthorizationException)) {
                throw e;
            }
            findings.add(Finding.ok(
                    DURABILITY, "the cluster's defaults may not be read (that takes DescribeConfigs on the cluster)"));
        }
    }

    private static int number(Config config, String name) {
        return Integer.parseInt(config.get(name).value());
    }

    private void lookAtRequestsInFlight() {
        if (settings.clients().requestsInFlight() > Promise.REQUESTS_IN_FLIGHT) {
            findings.add(Finding.warning(
                    Code.ORDER_AT_RISK,
                    "Kafka order",
                    "with " + settings.clients().requestsInFlight()
                            + " requests in flight, messages behind a refused one of their key can be stored, where the "
                            + "partition's leader knows no sequence of this producer yet, or has forgotten it",
                    "leave out max.in.flight.requests.per.connection from broker.kafka.producer"));
        }
    }
}
