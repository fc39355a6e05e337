package io.outboxrelay.relay;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;

import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks after the files that a broker was opened with: when one of them changes, another broker is to take its place. The
 * content is compared, so it does not matter how a file is replaced: written over, renamed, or by a link that points
 * elsewhere.
 *
 * <p>First what changed must have come to rest, and the broker must let a client in that uses it. Until then the open
 * broker goes on with what it has read. Has a thread of its own, since that question can take its time.
 */
final class BrokerFiles implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(BrokerFiles.class);

    private static final Duration LOOK = Duration.ofSeconds(2);

    /** What is no good is seldom mended by asking again: half a minute. */
    static final int LOOKS_AFTER_REFUSAL = 15;

    /** How long an exchanged broker has for what it was given. */
    private static final Duration DRAINING = Duration.ofSeconds(30);

    private static final String UNREADABLE = "unreadable";

    private final BrokerFactory broker;
    private final Consumer<Duration> renewBroker;
    private final ScheduledExecutorService looks;

    /** What the open broker was opened with, or what came before that. */
    private Map<Path, String> used;

    private Map<Path, String> seen;
    private Map<Path, String> refused = Map.of();
    private int looksToPass;
    private String told = "";

    /**
     * To be made before the broker is opened.
     *
     * @param broker opens brokers, and knows the files
     * @param renewBroker exchanges the open broker, in good order and within that time
     */
    BrokerFiles(BrokerFactory broker, Consumer<Duration> renewBroker) {
        this.broker = broker;
        this.renewBroker = renewBroker;
        this.used = contents();
        this.seen = used;
        this.looks = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "outbox-relay-files");
            thread.setDaemon(true);
            return thread;
        });
    }

    @SuppressWarnings("FutureReturnValueIgnored") // look() throws nothing.
    void start() {
        if (!used.isEmpty()) {
            looks.scheduleWithFixedDelay(this::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** Ends a look that is going on. */
    @Override
    public void close() {
        looks.shutdownNow();
    }

    private void look() {
        try {
            renewIfChanged();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // The run has ended.
        } catch (RuntimeException | Error e) {
            // Thrown on, it would end the looking for good, without a word.
            log.error("{} Looking after the broker's files failed", Code.UNEXPECTED, e);
        }
    }

    /** Looks once. */
    void renewIfChanged() throws InterruptedException {
        Map<Path, String> now = contents();
        boolean isAtRest = now.equals(seen);
        seen = now;
        if (!isAtRest || now.equals(used) || (now.equals(refused) && --looksToPass > 0)) {
            return;
        }
        String changed = used.keySet().stream()
                .filter(file -> !used.get(file).equals(now.get(file)))
                .map(Path::toString)
                .collect(Collectors.joining(", "));
        String unusable = unusable();
        if (!unusable.isEmpty()) {
            if (!unusable.equals(told)) {
                log.warn(
                        "{} {} changed, and the broker cannot be opened anew with that, so the open one goes on: {}",
                        Code.BROKER_FILES_UNUSABLE,
                        changed,
                        unusable);
            }
            told = unusable;
            refused = now;
            looksToPass = LOOKS_AFTER_REFUSAL;
            return;
        }
        log.info("{} changed: the broker is opened anew once it has answered what it was given", changed);
        used = now;
        told = "";
        renewBroker.accept(DRAINING);
    }

    /** Why another broker could not take over; empty if one could. */
    private String unusable() throws InterruptedException {
        try {
            return broker.check(Set.of()).stream()
                    .filter(finding -> finding.level() == Finding.Level.ERROR)
                    .map(Finding::toString)
                    .collect(Collectors.joining(" | "));
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private Map<Path, String> contents() {
        Map<Path, String> contents = new TreeMap<>();
        for (Path file : broker.files()) {
            contents.put(file, digest(file));
        }
        return contents;
    }

    private static String digest(Path file) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (IOException e) {
            return UNREADABLE;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
