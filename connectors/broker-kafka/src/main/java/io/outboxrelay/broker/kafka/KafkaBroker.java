package io.outboxrelay.broker.kafka;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One producer, until its first failure.
 *
 * <p>The client reports a failure on the very thread that sends, before it sends anything else; by itself it would go on
 * with the messages behind the failed one. So that report is where the producer is closed: what it has is given up, and
 * nothing is sent any more. With one request in flight for each broker of the cluster ({@link Promise}) nothing of the
 * failed message's partition is under way then. Requests to other brokers can be, and with {@link #close} any: they can
 * still be stored, whole and in order, so what failed with <em>not yet</em> may turn out a duplicate.
 */
final class KafkaBroker implements Broker {

    private static final Logger log = LoggerFactory.getLogger(KafkaBroker.class);

    private final Producer<byte[], byte[]> producer;
    private final Admin admin;
    private final Topics topics;
    private final int batchSize;

    /** What every stage fails with after the first failure; null while there is none. */
    private final AtomicReference<IOException> failure = new AtomicReference<>();

    /** What was handed to the producer, and its callback has not been called. */
    private final Set<Sending> open = ConcurrentHashMap.newKeySet();

    /** Takes over producer and admin, and closes them in the end. */
    KafkaBroker(Producer<byte[], byte[]> producer, Admin admin, Topics topics, int batchSize) {
        this.producer = producer;
        this.admin = admin;
        this.topics = topics;
        this.batchSize = batchSize;
    }

    @Override
    public CompletionStage<Void> publish(Message message) throws RejectedException, InterruptedException {
        if (failure.get() != null) {
            return CompletableFuture.failedStage(failure.get());
        }
        ProducerRecord<byte[], byte[]> record = Records.of(message);
        int size = Records.batchSize(record);
        try {
            topics.admit(record, size);
        } catch (IOException | KafkaException e) {
            giveUp(e);
            return CompletableFuture.failedStage(e);
        }
        return send(record, size);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // The callback hears of the same.
    private CompletionStage<Void> send(ProducerRecord<byte[], byte[]> record, int size)
            throws RejectedException, InterruptedException {
        Sending sending = new Sending(record.topic(), size);
        open.add(sending);
        try {
            producer.send(record, sending);
        } catch (InterruptException e) {
            open.remove(sending);
            // Comes only from waiting for room or for the topic's leader, so nothing was sent.
            Thread.interrupted();
            throw (InterruptedException) new InterruptedException("waiting to publish").initCause(e);
        } catch (IllegalStateException | KafkaException e) {
            open.remove(sending);
            giveUp(e);
            sending.completeExceptionally(e);
            return sending;
        }
        if (sending.unsent != null) {
            Exception verdict = Verdict.on(record.topic(), false, sending.unsent);
            if (verdict instanceof RejectedException rejected) {
                throw rejected;
            }
            giveUp(verdict);
            sending.completeExceptionally(verdict);
        }
        return sending;
    }

    @Override
    public void close() {
        giveUp(new IOException("it was closed"));
        boolean interrupted = Thread.interrupted();
        while (!closeProducer()) {
            interrupted = Thread.interrupted() || interrupted;
        }
        failWhatIsOpen();
        admin.close(Duration.ZERO);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Leaves nothing open where the client's thread has died, and with it what it knew. */
    private void failWhatIsOpen() {
        open.forEach(sending -> sending.completeExceptionally(failure.get()));
        open.clear();
    }

    /**
     * Sends nothing any more.
     *
     * @return what had failed before, or null if this is the first failure
     */
    private IOException giveUp(Exception cause) {
        IOException earlier = failure.get();
        if (earlier != null) {
            return earlier;
        }
        IOException rest = new IOException("not stored, since the producer was given up: " + cause.getMessage(), cause);
        if (!failure.compareAndSet(null, rest)) {
            return failure.get();
        }
        closeProducer();
        return null;
    }

    /** On the producer's own thread it only ends the sending; on any other it waits until every stage has completed. */
    private boolean closeProducer() {
        try {
            producer.close(Duration.ZERO);
        } catch (InterruptException e) {
            return false;
        } catch (KafkaException e) {
            log.warn("{} The producer did not close in good order: {}", Code.BROKER_NOT_CLOSED, e.getMessage());
        }
        return true;
    }

    /** The stage of one message that was handed to the producer. */
    private final class Sending extends CompletableFuture<Void> implements Callback {

        private final String topic;
        private final int size;
        private final Thread publisher = Thread.currentThread();

        /** Why the client did not even take the message; seen by the publisher alone. */
        private Exception unsent;

        Sending(String topic, int size) {
            this.topic = topic;
            this.size = size;
        }

        @Override
        public void onCompletion(RecordMetadata metadata, Exception e) {
            open.remove(this);
            if (e == null) {
                complete(null);
            } else if (Thread.currentThread() == publisher) {
                unsent = e;
            } else {
                fail(e);
            }
        }

        /** First the fence, then the word: who hears of this failure must find that nothing is sent any more. */
        private void fail(Exception e) {
            Exception verdict = Verdict.on(topic, size <= batchSize, e);
            IOException earlier = giveUp(verdict);
            completeExceptionally(earlier == null || verdict instanceof RejectedException ? verdict : earlier);
        }
    }
}
