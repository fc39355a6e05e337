package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.regex.Pattern;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.RejectedException;
import io.outboxrelay.api.RejectedException.Kind;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of the topics, asked for before the first message to each and kept. A message is rejected only by what
 * was heard within the last second, so that an operator's remedy is seen.
 */
final class Topics {

    private static final Logger log = LoggerFactory.getLogger(Topics.class);

    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9._-]{1,249}");
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long BETWEEN_LOOKS_MILLIS = 50;

    private final Admin admin;
    private final NewTopics newTopics;
    private final Duration atMost;
    private final Map<String, Heard> heard = new ConcurrentHashMap<>();

    /** @param atMost how long Kafka may take to answer all that is asked about one topic */
    Topics(Admin admin, NewTopics newTopics, Duration atMost) {
        this.admin = admin;
        this.newTopics = newTopics;
        this.atMost = atMost;
    }

    /**
     * Lets a message pass that its topic takes, for all that is known. Blocks where Kafka must be asked.
     *
     * @param size what the message takes, uncompressed, in a batch of its own
     * @throws RejectedException if the topic will not take it
     * @throws IOException if Kafka does not answer
     */
    void admit(ProducerRecord<byte[], byte[]> message, int size)
            throws RejectedException, IOException, InterruptedException {
        Heard last = heard.get(message.topic());
        if (last == null) {
            requireName(message.topic());
            last = ask(message.topic(), FRESH_NANOS);
        }
        Optional<Refusal> refusal = last.facts().refusal(message, size, System.currentTimeMillis());
        if (refusal.isPresent() && System.nanoTime() - last.at() > FRESH_NANOS) {
            refusal = ask(message.topic(), 0).facts().refusal(message, size, System.currentTimeMillis());
        }
        if (refusal.isPresent()) {
            throw refusal.get().asException();
        }
    }

    /**
     * Asks for a topic, and changes nothing.
     *
     * @return empty if it does not exist
     */
    Optional<TopicFacts> look(String topic) throws IOException, InterruptedException {
        return look(topic, System.nanoTime() + atMost.toNanos());
    }

    /** Whether the topic could be created: why not, if not. Changes nothing. */
    Optional<Refusal> whyNotCreated(String topic) throws IOException, InterruptedException {
        return create(topic, true, System.nanoTime() + atMost.toNanos());
    }

    private static void requireName(String topic) throws RejectedException {
        if (!NAME.matcher(topic).matches() || topic.equals(".") || topic.equals("..")) {
            throw new RejectedException(
                    Kind.NO_DESTINATION,
                    "\"" + topic + "\" is no name that a topic can have; allowed: 1 to 249 of "
                            + "a-z, A-Z, 0-9, '.', '_' and '-', but not '.' or '..' alone");
        }
    }

    /** @param patienceNanos how long a topic may take to appear: whom the client asks may hear late of a new one */
    private Heard ask(String topic, long patienceNanos) throws IOException, InterruptedException {
        long now = System.nanoTime();
        long deadline = now + atMost.toNanos();
        Optional<TopicFacts> facts = newTopics.create()
                ? look(topic, deadline)
                : lookAgain(topic, deadline, Math.min(deadline, now + patienceNanos));
        if (facts.isEmpty()) {
            facts = Optional.of(newTopics.create() ? created(topic, deadline) : TopicFacts.refused(missing(topic)));
        }
        Heard answer = new Heard(facts.get(), System.nanoTime());
        heard.put(topic, answer);
        return answer;
    }

    private TopicFacts created(String topic, long deadline) throws IOException, InterruptedException {
        Optional<Refusal> refusal = create(topic, false, deadline);
        if (refusal.isPresent()) {
            return TopicFacts.refused(refusal.get());
        }
        log.info("Created topic {}", topic);
        return lookAgain(topic, deadline, deadline)
                .orElseThrow(() -> new IOException("Kafka created topic " + topic + " and does not show it yet"));
    }

    private Optional<TopicFacts> lookAgain(String topic, long deadline, long until)
            throws IOException, InterruptedException {
        Optional<TopicFacts> facts = look(topic, deadline);
        while (facts.isEmpty() && System.nanoTime() < until) {
            Thread.sleep(BETWEEN_LOOKS_MILLIS);
            facts = look(topic, deadline);
        }
        return facts;
    }

    private Optional<TopicFacts> look(String topic, long deadline) throws IOException, InterruptedException {
        TopicDescription description;
        try {
            DescribeTopicsOptions options = new DescribeTopicsOptions().includeAuthorizedOperations(true);
            description = await(
                    deadline,
                    millis -> admin.describeTopics(List.of(topic), options.timeoutMs(millis))
                            .topicNameValues()
                            .get(topic));
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return Optional.empty();
            }
            if (e.getCause() instanceof AuthorizationException) {
                return Optional.of(TopicFacts.refused(notAllowed(topic)));
            }
            if (e.getCause() instanceof InvalidTopicException) {
                return Optional.of(TopicFacts.refused(
                        new Refusal(Kind.NO_DESTINATION, "\"" + topic + "\" is no name that a topic can have")));
            }
            throw unanswered(topic, e.getCause());
        }
        if (description.isInternal()) {
            return Optional.of(TopicFacts.refused(
                    new Refusal(Kind.NO_DESTINATION, "topic " + topic + " is Kafka's own; choose another")));
        }
        if (description.authorizedOperations() != null
                && !description.authorizedOperations().contains(AclOperation.WRITE)) {
            return Optional.of(TopicFacts.refused(notAllowed(topic)));
        }
        int copies = description.partitions().stream()
                .mapToInt(partition -> partition.replicas().size())
                .min()
                .orElse(0);
        return Optional.of(new TopicFacts(Optional.empty(), copies, limits(topic, deadline)));
    }

    private Optional<TopicFacts.Limits> limits(String topic, long deadline) throws IOException, InterruptedException {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try {
            Config config = await(
                    deadline,
                    millis -> admin.describeConfigs(List.of(resource)).values().get(resource));
            long message = number(config, TopicConfig.MAX_MESSAGE_BYTES_CONFIG);
            long segment = number(config, TopicConfig.SEGMENT_BYTES_CONFIG);
            return Optional.of(new TopicFacts.Limits(
                    Math.min(message, segment),
                    message <= segment ? TopicConfig.MAX_MESSAGE_BYTES_CONFIG : TopicConfig.SEGMENT_BYTES_CONFIG,
                    text(config, TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG).equals("CreateTime"),
                    number(config, TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG),
                    number(config, TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG),
                    text(config, TopicConfig.CLEANUP_POLICY_CONFIG).contains(TopicConfig.CLEANUP_POLICY_COMPACT),
                    (int) number(config, TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG)));
        } catch (ExecutionException e) {
            if (e.getCause() instanceof AuthorizationException) {
                log.warn(
                        "{} The settings of topic {} may not be read, so no message is measured against them before it is "
                                + "sent. Remedy: allow DescribeConfigs on the topic",
                        Code.TOPIC_UNREADABLE,
                        topic);
                return Optional.empty();
            }
            throw unanswered(topic, e.getCause());
        }
    }

    private Optional<Refusal> create(String topic, boolean onlyAsk, long deadline)
            throws IOException, InterruptedException {
        try {
            CreateTopicsOptions options = new CreateTopicsOptions().validateOnly(onlyAsk);
            await(
                    deadline,
                    millis -> admin.createTopics(List.of(newTopics.named(topic)), options.timeoutMs(millis))
                            .values()
                            .get(topic));
            return Optional.empty();
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof TopicExistsException) {
                return Optional.empty();
            }
            if (cause instanceof AuthorizationException) {
                return Optional.of(
                        new Refusal(
                                Kind.NO_DESTINATION,
                                "topic " + topic
                                        + " does not exist, and the relay may not create it; create it, or allow Create on it"));
            }
            if (cause instanceof InvalidConfigurationException
                    || cause instanceof InvalidPartitionsException
                    || cause instanceof InvalidTopicException
                    || cause instanceof PolicyViolationException) {
                return Optional.of(new Refusal(
                        Kind.NO_DESTINATION,
                        "topic " + topic + " does not exist, and Kafka refuses to create it as "
                                + "broker.kafka.topics says: " + cause.getMessage()));
            }
            throw unanswered(topic, cause);
        }
    }

    private static <T> T await(long deadline, Function<Integer, KafkaFuture<T>> question)
            throws ExecutionException, IOException, InterruptedException {
        long millis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime()));
        try {
            return question.apply((int) millis).get(millis, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IOException("Kafka did not answer in time", e);
        }
    }

    private static IOException unanswered(String topic, Throwable cause) {
        return new IOException("Kafka did not tell about topic " + topic + ": " + cause.getMessage(), cause);
    }

    private static Refusal missing(String topic) {
        return new Refusal(
                Kind.NO_DESTINATION,
                "topic " + topic
                        + " does not exist; create it, or let the relay create it with broker.kafka.topics.create = true");
    }

    private static Refusal notAllowed(String topic) {
        return new Refusal(Kind.NOT_ALLOWED, "the relay may not write to topic " + topic + "; allow Write on it");
    }

    private static long number(Config config, String name) {
        // A broker older than the setting does not know it and sets no such bound.
        return config.get(name) == null ? Long.MAX_VALUE : Long.parseLong(text(config, name));
    }

    private static String text(Config config, String name) {
        ConfigEntry entry = config.get(name);
        // A server that speaks Kafka's protocol need not know all of its settings.
        return entry == null || entry.value() == null ? "" : entry.value();
    }

    private record Heard(TopicFacts facts, long at) {}
}
