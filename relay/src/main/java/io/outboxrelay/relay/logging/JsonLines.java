package io.outboxrelay.relay.logging;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.outboxrelay.api.Code;

/**
 * One JSON object a line: {@code timestamp} (UTC, ISO 8601), {@code level}, {@code logger}, {@code thread}, {@code code}
 * where there is one, {@code message}, and {@code exception} with its stack trace where one was logged.
 */
final class JsonLines extends EncoderBase<ILoggingEvent> {

    private final JsonFactory json = new JsonFactory();

    @Override
    public byte[] headerBytes() {
        return new byte[0];
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        ByteArrayOutputStream line = new ByteArrayOutputStream(256);
        try (JsonGenerator out = json.createGenerator(line)) {
            out.writeStartObject();
            out.writeStringField(
                    "timestamp",
                    Instant.ofEpochMilli(event.getTimeStamp())
                            .truncatedTo(ChronoUnit.MILLIS)
                            .toString());
            out.writeStringField("level", event.getLevel().toString());
            out.writeStringField("logger", event.getLoggerName());
            out.writeStringField("thread", event.getThreadName());
            Optional<Code> code = code(event);
            if (code.isPresent()) {
                out.writeStringField("code", code.get().id());
            }
            out.writeStringField("message", event.getFormattedMessage());
            if (event.getThrowableProxy() != null) {
                out.writeStringField("exception", ThrowableProxyUtil.asString(event.getThrowableProxy()));
            }
            out.writeEndObject();
        } catch (IOException e) {
            throw new UncheckedIOException("a line of the log cannot be written to memory", e);
        }
        line.writeBytes(System.lineSeparator().getBytes(StandardCharsets.UTF_8));
        return line.toByteArray();
    }

    @Override
    public byte[] footerBytes() {
        return new byte[0];
    }

    /** A code is what a line begins with. */
    static Optional<Code> code(ILoggingEvent event) {
        Object[] arguments = event.getArgumentArray();
        return arguments != null && arguments.length > 0 && arguments[0] instanceof Code code
                ? Optional.of(code)
                : Optional.empty();
    }
}
