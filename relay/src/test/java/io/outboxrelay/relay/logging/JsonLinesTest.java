package io.outboxrelay.relay.logging;

import java.nio.charset.StandardCharsets;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.outboxrelay.api.Code;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class JsonLinesTest {

    private final LoggerContext context = new LoggerContext();
    private final JsonLines lines = new JsonLines();

    @Test
    void aWarningIsOneObjectOnOneLineWithItsCodeAsAField() throws Exception {
        String line = line(Level.WARN, null, "{} WAITING: {}", Code.BROKER_DEAD, "\"quoted\"\nand on two lines");

        assertThat(line.strip().lines()).hasSize(1);
        assertThat(new ObjectMapper().readTree(line).toString())
                .isEqualTo("{\"timestamp\":\"2026-01-02T03:04:05Z\",\"level\":\"WARN\",\"logger\":\"a.B\","
                        + "\"thread\":\"main\",\"code\":\"OR-5004\","
                        + "\"message\":\"OR-5004 WAITING: \\\"quoted\\\"\\nand on two lines\"}");
    }

    @Test
    void aLineWithoutACodeHasNoSuchField() throws Exception {
        JsonNode line = new ObjectMapper().readTree(line(Level.INFO, null, "STREAMING"));

        assertThat(line.has("code")).isFalse();
        assertThat(line.has("exception")).isFalse();
    }

    @Test
    void anExceptionComesWithItsStackTrace() throws Exception {
        JsonNode line = new ObjectMapper()
                .readTree(line(Level.ERROR, new IllegalStateException("gone"), "{} failed", Code.UNEXPECTED));

        assertThat(line.get("exception").asText())
                .startsWith("java.lang.IllegalStateException: gone")
                .contains("at " + JsonLinesTest.class.getName());
        assertThat(line.get("code").asText()).isEqualTo("OR-7901");
    }

    private String line(Level level, Throwable failure, String message, Object... arguments) {
        LoggingEvent event = new LoggingEvent("fqcn", context.getLogger("a.B"), level, message, failure, arguments);
        event.setTimeStamp(1_767_323_045_000L);
        event.setThreadName("main");
        return new String(lines.encode(event), StandardCharsets.UTF_8);
    }
}
