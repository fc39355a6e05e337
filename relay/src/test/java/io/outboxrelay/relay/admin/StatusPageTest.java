package io.outboxrelay.relay.admin;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

import io.outboxrelay.postgres.OutboxFigures;
import io.outboxrelay.relay.deadletter.DeadLetter.Wish;
import io.outboxrelay.relay.ops.Health;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static io.outboxrelay.relay.admin.ScriptedRelay.GIGABYTE;
import static io.outboxrelay.relay.admin.ScriptedRelay.figures;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

/** The status page, in a real browser. What it looked like is kept in {@code target/screenshots}. */
class StatusPageTest {

    private static final Path SCREENSHOTS = Path.of("target", "screenshots");
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final OutboxFigures.Slot HEALTHY =
            new OutboxFigures.Slot("outbox_relay", true, "reserved", 67_000_000, 184_000);

    private static Chromium browser;

    private ScriptedRelay relay;

    @BeforeAll
    static void launch() throws IOException {
        Optional<Path> installed = Chromium.installed();
        if (installed.isEmpty() && "true".equals(System.getenv("CI"))) {
            throw new IllegalStateException("no chromium is installed, and CI must test the status page: see .ci/run");
        }
        Assumptions.assumeTrue(installed.isPresent(), "no chromium is installed: the status page is not tested");
        browser = Chromium.start(installed.get());
    }

    @AfterAll
    static void quit() throws IOException {
        if (browser != null) {
            browser.close();
        }
    }

    @BeforeEach
    void start() throws Exception {
        relay = new ScriptedRelay(LocalAdmin.at(0, LocalAdmin.ACTING));
        browser.open("about:blank");
        browser.forgetComplaints();
        browser.prefer("light", true);
        browser.size(1280, 1360);
    }

    @AfterEach
    void stop() throws Exception {
        relay.close();
    }

    @Test
    void aRelayThatStreamsIsSeenAtOnceInLightAndDarkAndNarrow() throws Exception {
        streams();
        browser.open(relay.address());

        browser.awaitText("word", "Streaming");
        assertThat(browser.text("says")).startsWith("Events flow");
        assertThat(browser.text("advice")).contains("Nothing. All is well.");
        assertThat(browser.evaluate("document.getElementById('hero').dataset.tone"))
                .isEqualTo("good");
        assertThat(browser.evaluate("document.title")).isEqualTo("Streaming – outbox-relay public.outbox");
        assertThat(browser.text("mode")).isEqualTo("Log");
        assertThat(browser.text("leader")).isEqualTo("This relay");
        assertThat(browser.text("waiting")).isEqualTo("96");
        assertThat(browser.text("retained")).isEqualTo("63.9 MB");
        assertThat(browser.text("throughputNow")).endsWith("/s");
        assertThat(browser.text("errors")).contains("None since");
        browser.awaitText("letters", "Nothing is put aside");
        assertThat(browser.evaluate(
                        "document.querySelectorAll('#throughput path.first')[0].getAttribute('d').length > 2000"))
                .as("the last 15 minutes are drawn")
                .isEqualTo("true");
        browser.screenshot(SCREENSHOTS.resolve("light.png"), true);

        browser.prefer("dark", true);
        browser.screenshot(SCREENSHOTS.resolve("dark.png"), true);
        assertThat(contrasts()).as("texts of too little contrast, in the dark").isEmpty();

        browser.size(390, 2600);
        assertThat(browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
                .as("nothing sticks out of a narrow window")
                .isEqualTo("true");
        browser.screenshot(SCREENSHOTS.resolve("narrow.png"), true);
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void troubleIsToldWithItsReasonAndWhatToDo() throws Exception {
        relay.passed(true);
        relay.runs(true, "open");
        relay.tell(figures(
                new OutboxFigures.Slot("outbox_relay", true, "extended", 6 * GIGABYTE, 5 * GIGABYTE),
                1_284_113,
                Duration.ofMinutes(4),
                3,
                1));
        relay.tellErrors(
                line(
                        "ERROR",
                        "OR-4003 WAITING: the broker failed several times in a row; single messages probe it, and all others wait",
                        1,
                        3),
                line(
                        "WARN",
                        "OR-4001 The broker failed, and is opened again: Connection to node 1 (kafka-1:9092) could not be established",
                        212,
                        5),
                line(
                        "WARN",
                        "OR-3007 The server keeps 5.1 GB of log for the slot outbox_relay, more than half of source.max-retained-wal",
                        1,
                        9));
        asides();
        relay.health()
                .is(
                        Health.State.WAITING,
                        "OR-4003 the broker failed several times in a row; single messages probe it, and all others wait."
                                + " Remedy: see whether the broker at kafka-1:9092 runs and can be reached from here");
        browser.open(relay.address());

        browser.awaitText("word", "Waiting");
        assertThat(browser.evaluate("document.getElementById('hero').dataset.tone"))
                .isEqualTo("bad");
        assertThat(browser.text("advice"))
                .contains("OR-4003", "single messages probe it", "See whether the broker at kafka-1:9092 runs");
        assertThat(browser.text("notices"))
                .contains("3 events are put aside, 1 aggregate is held back")
                .contains("The oldest unsent row has waited for 4 min");
        assertThat(browser.text("errors")).contains("212 times", "OR-4001");
        browser.awaitText("letters", "evt-7f3a");
        browser.evaluate("document.activeElement.blur()");
        browser.screenshot(SCREENSHOTS.resolve("trouble.png"), true);
        assertThat(contrasts()).as("texts of too little contrast").isEmpty();
        browser.prefer("dark", true);
        browser.screenshot(SCREENSHOTS.resolve("trouble-dark.png"), true);
        browser.size(390, 3600);
        browser.screenshot(SCREENSHOTS.resolve("trouble-narrow.png"), true);
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aDeadLetterIsRedrivenOnlyBehindAConfirmationWithTheToken() throws Exception {
        streams();
        asides();
        relay.tell(figures(HEALTHY, 96, Duration.ofMillis(60), 3, 1));
        browser.open(relay.address());
        browser.awaitText("letters", "evt-7f3a");

        browser.click("[aria-label=\"Redrive event evt-7f3a\"]");
        await("the dialog is open")
                .atMost(PATIENCE)
                .until(() -> browser.evaluate("document.getElementById('dialog').open")
                        .equals("true"));
        assertThat(browser.evaluate("document.activeElement.id")).isEqualTo("secret");
        browser.screenshot(SCREENSHOTS.resolve("dialog.png"), false);
        browser.type("a-token-that-is-wrong");
        browser.press("Enter", 13);
        browser.awaitText("wrong", "wrong token or password");
        assertThat(wishes()).isZero();

        browser.evaluate("document.getElementById('secret').value = ''");
        browser.type(LocalAdmin.TOKEN);
        browser.press("Enter", 13);

        browser.awaitText("lettersSay", "Redrive is noted for 1 event");
        assertThat(relay.desk().find("evt-7f3a").get(0).letter().wish()).contains(Wish.REDRIVE);
        browser.awaitText("letters", "to be redriven");
        assertThat(browser.evaluate("document.getElementById('dialog').open")).isEqualTo("false");
        assertThat(browser.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.id"))
                .as("the focus goes back to where it came from")
                .isIn("Redrive event evt-7f3a", "lettersHead");
        assertThat(browser.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"))
                .as("the token is kept nowhere")
                .isEqualTo("{}{}");

        browser.click("[aria-label=\"Discard event evt-9c02\"]");
        browser.awaitText("dialogSays", "cannot be undone");
        browser.press("Escape", 27);
        await("the dialog is closed")
                .atMost(PATIENCE)
                .until(() -> browser.evaluate("document.getElementById('dialog').open")
                        .equals("false"));
        assertThat(wishes()).as("nothing is discarded without the last word").isEqualTo(1);
    }

    @Test
    void aRelayThatDoesNotAnswerIsSaidToAndItsReturnIsSeen() throws Exception {
        streams();
        browser.open(relay.address());
        browser.awaitText("word", "Streaming");

        relay.stop();
        browser.awaitText("word", "No answer");
        assertThat(browser.text("advice")).contains("Streaming at", "See whether the process runs");
        browser.screenshot(SCREENSHOTS.resolve("no-answer.png"), true);

        relay.start();
        browser.awaitText("word", "Streaming");
    }

    @Test
    void everythingIsReachedByKeyboardAndHasAName() throws Exception {
        streams();
        asides();
        browser.open(relay.address());
        browser.awaitText("letters", "evt-7f3a");

        assertThat(browser.evaluate(
                        "[...document.querySelectorAll('button, input, [tabindex=\"0\"], svg[role=img], dialog')]"
                                + ".filter(e => !(e.innerText || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')"
                                + " || (e.labels && e.labels.length))).map(e => e.outerHTML).join()"))
                .as("without a name")
                .isEmpty();
        browser.evaluate("document.getElementById('throughputArea').focus()");
        browser.press("ArrowLeft", 37);
        browser.press("ArrowLeft", 37);
        assertThat(browser.evaluate("document.getElementById('throughputRead').textContent"))
                .matches("\\d\\d:\\d\\d:\\d\\d: .*/s, .*");
        assertThat(browser.text("latencyMore")).startsWith("at ");
        assertThat(browser.evaluate("document.getElementById('state').closest('[aria-live=polite]') !== null"))
                .isEqualTo("true");
    }

    /** A busy browser shows the page before it runs the page's script. */
    @Test
    void everythingHasItsPlaceBeforeTheScriptHasRun() throws Exception {
        streams();
        browser.scripts(false);
        try {
            browser.open(relay.address());
            assertThat(browser.text("updated")).as("no script has run").isEqualTo("Asking the relay …");
            String before = places();

            browser.scripts(true);
            browser.open("about:blank");
            browser.open(relay.address());
            browser.awaitText("word", "Streaming");
            browser.awaitText("letters", "Nothing is put aside");
            assertThat(places()).isEqualTo(before);
        } finally {
            browser.scripts(true);
        }
    }

    @Test
    void nothingMovesWhenNewsComes() throws Exception {
        streams();
        browser.open(relay.address());
        browser.evaluate(
                "(window.moved = 0, window.movers = '', new PerformanceObserver(list => list.getEntries().forEach(e => { window.moved += e.value; window.movers = (window.movers || '') + e.sources.map(s => (s.node && (s.node.id || s.node.className || s.node.nodeName))).join() + ' '; }))"
                        + ".observe({type: 'layout-shift', buffered: true}))");
        browser.awaitText("word", "Streaming");
        relay.health().is(Health.State.RETRYING, "the replication connection was closed");
        browser.awaitText("word", "Retrying");
        relay.health().is(Health.State.STREAMING, "");
        browser.awaitText("word", "Streaming");

        assertThat(Double.parseDouble(browser.evaluate("window.moved")))
                .as(browser.evaluate("window.movers"))
                .isLessThan(0.02);
    }

    /** Where each card of the page begins. */
    private static String places() {
        return browser.evaluate("""
                [...document.querySelectorAll('.page .card')].map(e => {
                  const box = e.getBoundingClientRect();
                  return (e.id || e.className) + ' ' + [box.left, box.top, box.width].map(Math.round).join(' ');
                }).join('\\n')""");
    }

    private void streams() {
        relay.passed(false);
        relay.runs(true, "closed");
        relay.tell(figures(HEALTHY, 96, Duration.ofMillis(60), 0, 0));
        relay.health().is(Health.State.STREAMING, "");
    }

    private void asides() throws Exception {
        relay.putAside(
                "evt-7f3a-4b1c-order-1042",
                "1042",
                true,
                "OR-4010 the message has 1398101 bytes and the topic takes 1048588");
        relay.putAside("evt-9c02", "1043", false, "the topic events.order is not authorized for this user");
        relay.putAside("evt-b771", "1042", true, "waits behind evt-7f3a");
        relay.server().execute("UPDATE outbox_dead_letter SET name = 'evt-7f3a' WHERE name LIKE 'evt-7f3a%'");
    }

    private long wishes() throws Exception {
        return relay.desk().list(10).stream()
                .filter(found -> found.letter().wish().isPresent())
                .count();
    }

    private static RecentErrors.Line line(String level, String text, long times, int minutesAgo) {
        Instant at = Instant.now().minus(Duration.ofMinutes(minutesAgo));
        return new RecentErrors.Line(at.minusSeconds(times), at, times, level, text);
    }

    /** Texts whose contrast with what is behind them is below 4.5, as WCAG measures it. */
    private static String contrasts() {
        return browser.evaluate("""
                (() => {
                  const rgb = color => { const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
                    c.fillStyle = color; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
                  const light = ([r, g, b]) => { const f = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
                    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
                  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255]; };
                  const bad = new Set();
                  const walk = document.createTreeWalker(document.querySelector('.page'), NodeFilter.SHOW_TEXT);
                  while (walk.nextNode()) {
                    const e = walk.currentNode.parentElement;
                    if (!walk.currentNode.textContent.trim() || !e.checkVisibility() || e.closest('[disabled], .hidden, script, style')) continue;
                    const a = light(rgb(e.closest('svg') ? getComputedStyle(e).fill : getComputedStyle(e).color)), b = light(behind(e));
                    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
                    if (contrast < 4.5) bad.add(walk.currentNode.textContent.trim() + ' ' + contrast.toFixed(2));
                  }
                  return [...bad].join('; ');
                })()""");
    }
}
