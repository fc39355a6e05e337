package io.outboxrelay.quickstart;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

final class ScreenTest {

    private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(shown, true, StandardCharsets.UTF_8);

    @Test
    void aTerminalsLiveLineStaysBelowWhatIsPrinted() {
        Screen screen = new Screen(out, true);
        screen.live("live 1");
        screen.line("an event");
        screen.live("live 2");
        screen.endLive();
        screen.line("end");
        assertThat(shown.toString(StandardCharsets.UTF_8).replace("\r\u001b[K", "<erase>"))
                .isEqualToNormalizingNewlines("<erase>live 1<erase>an event\n<erase>live 1<erase>live 2\nend\n");
    }

    @Test
    void elsewhereNothingIsErasedAndTheLiveLineIsRare() {
        Screen screen = new Screen(out, false);
        screen.live("live 1");
        screen.live("live 2");
        screen.line("an event");
        screen.endLive();
        assertThat(shown.toString(StandardCharsets.UTF_8)).isEqualToNormalizingNewlines("live 1\nan event\n");
    }
}
