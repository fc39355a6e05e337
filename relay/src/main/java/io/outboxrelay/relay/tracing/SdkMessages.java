package io.outboxrelay.relay.tracing;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;

import io.outboxrelay.api.Code;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings what OpenTelemetry logs by {@code java.util.logging} to the relay's log: that the queue is full, above all. What its
 * exporter says of each failure is only kept, since {@link ToldExporter} says it once; nothing else tells an HTTP status.
 */
final class SdkMessages extends Handler {

    private static final Logger log = LoggerFactory.getLogger(SdkMessages.class);

    private static final int LONGEST = 200;

    private static final String EXPORTER = "io.opentelemetry.exporter.";

    /** Kept, or the level would go with it. */
    private final java.util.logging.Logger library = java.util.logging.Logger.getLogger("io.opentelemetry");

    private volatile String exportFailure = "no answer in time";

    private SdkMessages() {}

    /** Begins, for the whole process, until it is closed. */
    static SdkMessages toLog() {
        SdkMessages messages = new SdkMessages();
        messages.setLevel(Level.WARNING);
        messages.library.setLevel(Level.WARNING);
        messages.library.setUseParentHandlers(false);
        messages.library.addHandler(messages);
        return messages;
    }

    @Override
    public void publish(LogRecord message) {
        String name = message.getLoggerName();
        if (!isLoggable(message)) {
            return;
        }
        if (name != null && name.startsWith(EXPORTER)) {
            exportFailure = text(message);
        } else {
            log.warn("{} {}", Code.SPANS_DROPPED, text(message));
        }
    }

    /** What the exporter said of its last failure. */
    String exportFailure() {
        return exportFailure;
    }

    /** A collector's answer may be a whole page. */
    private static String text(LogRecord message) {
        String text = message.getMessage().replaceFirst("^Failed to export \\d+ spans\\. ", "")
                + (message.getThrown() == null ? "" : " " + message.getThrown());
        return text.length() > LONGEST ? text.substring(0, LONGEST) + "…" : text;
    }

    @Override
    public void flush() {}

    @Override
    public void close() {
        library.removeHandler(this);
        library.setUseParentHandlers(true);
        library.setLevel(null);
    }
}
