package io.outboxrelay.relay.logging;

import java.util.List;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.joran.spi.JoranException;
import ch.qos.logback.core.read.ListAppender;
import io.outboxrelay.api.Code;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class RepeatedLinesTest {

    private final LoggerContext context = new LoggerContext();
    private final Logger log = context.getLogger("a.B");
    private final ListAppender<ILoggingEvent> shown = new ListAppender<>();
    private final RepeatedLines filter = new RepeatedLines();

    @BeforeEach
    void attach() {
        filter.setContext(context);
        shown.setContext(context);
        shown.addFilter(filter);
        shown.start();
        context.getLogger("ROOT").addAppender(shown);
    }

    @AfterEach
    void end() {
        context.stop();
    }

    @Test
    void ofAFloodTheFirstFewAreShownAndThenTheirNumber() {
        flood(1_000);
        filter.tell();
        flood(200);
        filter.tell();

        assertThat(texts())
                .hasSize(RepeatedLines.SHOWN + 2)
                .startsWith("OR-6002 Putting event 0 aside", "OR-6002 Putting event 1 aside")
                .endsWith(
                        "OR-6002 995 more lines like this in the last 10 s",
                        "OR-6002 200 more lines like this in the last 10 s");
    }

    @Test
    void afterAQuietTimeTheFirstFewAreShownAgain() {
        flood(10);
        filter.tell();
        filter.tell();
        flood(2);

        assertThat(texts()).endsWith("OR-6002 Putting event 0 aside", "OR-6002 Putting event 1 aside");
    }

    @Test
    void aFloodHidesNoOtherLine() {
        flood(1_000);
        log.error("{} Halted", Code.EVENT_HALTED);
        context.getLogger("a.C").warn("{} Putting event aside", Code.EVENT_PUT_ASIDE);
        for (int i = 0; i < 20; i++) {
            log.info("Change of state");
        }

        assertThat(texts())
                .contains("OR-6001 Halted", "OR-6002 Putting event aside")
                .filteredOn("Change of state"::equals)
                .hasSize(20);
    }

    @Test
    void warningsOfLibrariesAreCountedByTheirWords() {
        for (int i = 0; i < 8; i++) {
            log.warn("Node {} is gone", i);
        }
        log.warn("Node is back");
        filter.tell();

        assertThat(texts()).hasSize(RepeatedLines.SHOWN + 2).endsWith("… 3 more lines like this in the last 10 s");
    }

    @Test
    void theProgramsLogIsFiltered() throws JoranException {
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        configurator.doConfigure(RepeatedLines.class.getResource("/logback.xml"));

        assertThat(context.getLogger("ROOT").getAppender("stdout").getCopyOfAttachedFiltersList())
                .hasAtLeastOneElementOfType(RepeatedLines.class);
    }

    private void flood(int lines) {
        for (int i = 0; i < lines; i++) {
            log.warn("{} Putting event {} aside", Code.EVENT_PUT_ASIDE, i);
        }
    }

    private List<String> texts() {
        return shown.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }
}
