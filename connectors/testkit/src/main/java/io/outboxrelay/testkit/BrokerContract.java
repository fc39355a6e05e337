package io.outboxrelay.testkit;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.Message;
import io.outboxrelay.api.RejectedException;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * What every {@link Broker} keeps, as tests against a real server. Who adds a broker extends this class and supplies a
 * {@link Fixture}.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BrokerContract {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final int ROOMY = 16 << 20;
    private static final int ORDINARY = 1 << 20;

    private final Instant occurred = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    private Fixture fixture;
    private Broker broker;

    /** For those who extend it. */
    protected BrokerContract() {}

    /** What the suite needs of the broker under test. */
    public interface Fixture extends AutoCloseable {

        /** Opens a broker under test. */
        Broker open();

        /** Makes a destination of a name that was never used, which takes messages of so many bytes. */
        String createDestination(int maxBytes);

        /** All that is stored there; what has one key is in order. Blocks until so many are there, or for half a minute. */
        List<Stored> read(String destination, int atLeast);

        /** A message that the broker under test can know to be refused. */
        Message unfit(String destination);

        /**
         * Changes the server, unbeknown to a broker that has published to the destination before, so that it takes the
         * usual messages of this suite from now on, but not the one that this returns.
         */
        Message refusable(String destination, String key);

        /** Stops the server; nothing is stored from here on. */
        void stopServer();

        /** Starts the server, if it is stopped, with all that it had stored. */
        void startServer();

        @Override
        void close();
    }

    /**
     * A message as it was stored.
     *
     * @param key the ordering key, or null
     * @param payload the bytes, or null
     * @param headers in the order in which they are stored
     * @param timestamp when the event occurred
     */
    @SuppressWarnings("ArrayRecordComponent") // Compared by what a test asserts on.
    public record Stored(String key, byte[] payload, Map<String, String> headers, Instant timestamp) {

        private String text() {
            return new String(payload, StandardCharsets.UTF_8);
        }
    }

    /** Starts a server for this class alone. */
    protected abstract Fixture fixture();

    @BeforeAll
    void startFixture() {
        fixture = fixture();
    }

    @AfterAll
    void closeFixture() {
        fixture.close();
    }

    @BeforeEach
    void open() {
        broker = fixture.open();
    }

    @AfterEach
    void close() {
        broker.close();
        fixture.startServer();
    }

    @Test
    void aMessageIsStoredWhenItsStageHasCompleted() throws Exception {
        String destination = fixture.createDestination(ORDINARY);

        await(publish(message(destination, "k", "one")));

        assertThat(texts(fixture.read(destination, 1))).containsExactly("one");
    }

    @Test
    void noStageCompletesWhileTheServerIsStopped() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        await(publish(message(destination, "k", "before")));
        fixture.stopServer();

        List<CompletableFuture<Void>> stages = publishAll(destination, "k", 0, 10);

        Awaitility.await("a stage that completes too early does so at once")
                .during(Duration.ofSeconds(3))
                .atMost(Duration.ofSeconds(6))
                .until(() -> stages.stream().noneMatch(BrokerContract::completedNormally));
        broker.close();
        assertThat(stages).noneMatch(BrokerContract::completedNormally);
        fixture.startServer();
        assertThat(texts(fixture.read(destination, 1))).containsExactly("before");
    }

    @Test
    void messagesOfAKeyAreStoredInTheOrderInWhichTheyWerePublished() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        List<CompletableFuture<Void>> stages = new ArrayList<>();
        Map<String, List<String>> published = new TreeMap<>();
        for (int i = 0; i < 10_000; i++) {
            String key = "key-" + i * 31 % 97;
            published.computeIfAbsent(key, k -> new ArrayList<>()).add("message " + i);
            stages.add(publish(message(destination, key, "message " + i)));
        }

        awaitAll(stages);

        assertThat(byKey(fixture.read(destination, 10_000))).isEqualTo(published);
    }

    @Test
    void keysAndHeadersPassUntouchedInEveryScriptOfUnicode() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        Map<Character.UnicodeScript, String> scripts = scripts();
        Map<String, String> headers = new LinkedHashMap<>();
        scripts.forEach((script, text) -> headers.put("h" + (1000 - headers.size()), text));
        headers.put("empty", "");
        List<CompletableFuture<Void>> stages = new ArrayList<>();
        for (String key : scripts.values()) {
            stages.add(publish(new Message(destination, key, key.getBytes(StandardCharsets.UTF_8), headers, occurred)));
        }
        awaitAll(stages);

        List<Stored> stored = fixture.read(destination, scripts.size());

        assertThat(stored.stream().map(Stored::key)).containsExactlyInAnyOrderElementsOf(scripts.values());
        assertThat(stored).allSatisfy(message -> {
            assertThat(message.text()).isEqualTo(message.key());
            assertThat(List.copyOf(message.headers().entrySet())).isEqualTo(List.copyOf(headers.entrySet()));
        });
    }

    @Test
    void allValuesOfAByteAndTheTimestampPassUntouched() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        byte[] payload = new byte[1024];
        IntStream.range(0, payload.length).forEach(i -> payload[i] = (byte) i);
        Instant timestamp = occurred.minusMillis(86_400_123);

        await(publish(new Message(destination, "k", payload, Map.of(), timestamp)));

        Stored stored = fixture.read(destination, 1).get(0);
        assertThat(stored.payload()).isEqualTo(payload);
        assertThat(stored.timestamp()).isEqualTo(timestamp);
        assertThat(stored.headers()).isEmpty();
    }

    @Test
    void aMissingKeyAMissingPayloadAndAnEmptyOneAreStoredAsTheyAre() throws Exception {
        String destination = fixture.createDestination(ORDINARY);

        await(publish(new Message(destination, null, new byte[] {1}, Map.of(), occurred)));
        await(publish(new Message(destination, "empty", new byte[0], Map.of(), occurred)));
        await(publish(new Message(destination, "missing", null, Map.of(), occurred)));

        Map<String, byte[]> stored = new TreeMap<>();
        fixture.read(destination, 3).forEach(m -> stored.put(String.valueOf(m.key()), m.payload()));
        assertThat(stored.get("null")).containsExactly(1);
        assertThat(stored.get("empty")).isEmpty();
        assertThat(stored).containsEntry("missing", null);
    }

    @Test
    void aPayloadOfEightMegabytesIsStoredWhereItIsAllowed() throws Exception {
        String destination = fixture.createDestination(ROOMY);
        byte[] payload = new byte[8 << 20];
        new Random(7).nextBytes(payload);

        await(publish(new Message(destination, "k", payload, Map.of(), occurred)));

        assertThat(Arrays.equals(fixture.read(destination, 1).get(0).payload(), payload))
                .isTrue();
    }

    @Test
    void aMessageRejectedBeforeItIsSentLeavesTheBrokerUsable() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        List<CompletableFuture<Void>> stages = new ArrayList<>(publishAll(destination, "k", 0, 10));

        assertThatThrownBy(() -> broker.publish(fixture.unfit(destination))).isInstanceOf(RejectedException.class);

        stages.addAll(publishAll(destination, "k", 10, 20));
        awaitAll(stages);
        assertThat(texts(fixture.read(destination, 20))).isEqualTo(numbers(0, 20));
    }

    @Test
    void nothingIsStoredBehindAMessageThatTheServerRefuses() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        awaitAll(publishAll(destination, "k", 0, 10));
        Message refusable = fixture.refusable(destination, "k");

        List<CompletableFuture<Void>> before = publishAll(destination, "k", 10, 20);
        CompletableFuture<Void> refused = publish(refusable);
        List<CompletableFuture<Void>> behind = publishAll(destination, "k", 20, 500);

        assertThat(failure(refused)).isInstanceOf(RejectedException.class);
        assertThat(behind)
                .allSatisfy(stage -> assertThat(failure(stage)).isNotNull().isNotInstanceOf(RejectedException.class));
        CompletableFuture<Void> late = publish(message(destination, "k", "late"));
        assertThat(failure(late)).isNotInstanceOf(RejectedException.class);
        broker.close();
        List<String> stored = texts(fixture.read(destination, 10));
        assertThat(stored).isEqualTo(numbers(0, stored.size())).hasSizeBetween(10, 20);
        assertThat(before.stream().filter(BrokerContract::completedNormally).count())
                .isLessThanOrEqualTo(stored.size());
    }

    @Test
    void anotherBrokerGoesOnWhereOneHasFailed() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        await(publish(message(destination, "k", "0")));
        assertThat(failure(publish(fixture.refusable(destination, "k")))).isInstanceOf(RejectedException.class);

        try (Broker next = fixture.open()) {
            await(next.publish(message(destination, "k", "1")).toCompletableFuture());
        }

        assertThat(texts(fixture.read(destination, 2))).containsExactly("0", "1");
    }

    @Test
    void closeFailsWhateverIsNotStored() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        await(publish(message(destination, "k", "before")));
        fixture.stopServer();
        List<CompletableFuture<Void>> stages = publishAll(destination, "k", 0, 100);

        broker.close();

        assertThat(stages).allMatch(CompletableFuture::isCompletedExceptionally);
        assertThat(publish(message(destination, "k", "late"))).isCompletedExceptionally();
        broker.close();
    }

    @Test
    void whatIsPublishedWhileTheServerIsAwayIsStoredInOrderWhenItIsBack() throws Exception {
        String destination = fixture.createDestination(ORDINARY);
        await(publish(message(destination, "k", "0")));

        fixture.stopServer();
        List<CompletableFuture<Void>> stages = new ArrayList<>();
        Instant until = Instant.now().plusSeconds(10);
        int published = 1;
        while (Instant.now().isBefore(until)) {
            stages.addAll(publishAll(destination, "k", published, published + 10));
            published += 10;
            TimeUnit.MILLISECONDS.sleep(50); // The pace of the writer, not a wait for anything.
        }
        fixture.startServer();
        awaitAll(stages);

        assertThat(withoutReplays(texts(fixture.read(destination, published)))).isEqualTo(numbers(0, published));
    }

    private CompletableFuture<Void> publish(Message message) throws RejectedException, InterruptedException {
        return broker.publish(message).toCompletableFuture();
    }

    private List<CompletableFuture<Void>> publishAll(String destination, String key, int from, int to)
            throws RejectedException, InterruptedException {
        List<CompletableFuture<Void>> stages = new ArrayList<>();
        for (int i = from; i < to; i++) {
            stages.add(publish(message(destination, key, Integer.toString(i))));
        }
        return stages;
    }

    private Message message(String destination, String key, String text) {
        return new Message(
                destination, key, text.getBytes(StandardCharsets.UTF_8), Map.of("id", "id of " + text), occurred);
    }

    private static void await(CompletableFuture<Void> stage) throws Exception {
        stage.get(SOON.toSeconds(), TimeUnit.SECONDS);
    }

    private static void awaitAll(List<CompletableFuture<Void>> stages) throws Exception {
        await(CompletableFuture.allOf(stages.toArray(CompletableFuture[]::new)));
    }

    /** What the stage fails with, soon; null if it does not fail. */
    private static Throwable failure(CompletableFuture<Void> stage) {
        try {
            await(stage);
            return null;
        } catch (ExecutionException e) {
            return e.getCause();
        } catch (Exception e) {
            throw new AssertionError("the stage stays open", e);
        }
    }

    private static boolean completedNormally(CompletableFuture<Void> stage) {
        return stage.isDone() && !stage.isCompletedExceptionally();
    }

    private static List<String> texts(List<Stored> stored) {
        return stored.stream().map(Stored::text).toList();
    }

    private static Map<String, List<String>> byKey(List<Stored> stored) {
        return stored.stream()
                .collect(Collectors.groupingBy(
                        Stored::key, TreeMap::new, Collectors.mapping(Stored::text, Collectors.toList())));
    }

    private static List<String> numbers(int from, int to) {
        return IntStream.range(from, to).mapToObj(Integer::toString).toList();
    }

    private static List<String> withoutReplays(List<String> texts) {
        return texts.stream().distinct().toList();
    }

    /** Three assigned letters of every script. */
    private static Map<Character.UnicodeScript, String> scripts() {
        Map<Character.UnicodeScript, StringBuilder> letters = new EnumMap<>(Character.UnicodeScript.class);
        IntStream.rangeClosed(1, Character.MAX_CODE_POINT)
                .filter(Character::isDefined)
                .filter(codePoint -> codePoint < Character.MIN_SURROGATE || codePoint > Character.MAX_SURROGATE)
                .forEach(codePoint -> {
                    StringBuilder text = letters.computeIfAbsent(
                            Character.UnicodeScript.of(codePoint), script -> new StringBuilder());
                    if (text.codePointCount(0, text.length()) < 3) {
                        text.appendCodePoint(codePoint);
                    }
                });
        Map<Character.UnicodeScript, String> scripts = new TreeMap<>(Comparator.naturalOrder());
        letters.forEach((script, text) -> scripts.put(script, text.toString()));
        return scripts;
    }
}
