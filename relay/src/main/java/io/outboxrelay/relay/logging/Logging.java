package io.outboxrelay.relay.logging;

import java.util.Iterator;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import ch.qos.logback.core.OutputStreamAppender;
import io.outboxrelay.relay.config.LogFormat;
import io.outboxrelay.relay.config.LoggingSettings;
import org.slf4j.LoggerFactory;

/** Makes the log what the configuration says. Until that is read, {@code logback.xml} holds. */
public final class Logging {

    private Logging() {}

    /** Sets format and levels. To be called once, when the configuration has been read. */
    public static void apply(LoggingSettings settings) {
        LogLevels.ofLogback().configure(settings.level(), settings.levels());
        if (settings.format() == LogFormat.JSON) {
            LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
            Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
            for (Iterator<Appender<ILoggingEvent>> all = root.iteratorForAppenders(); all.hasNext(); ) {
                if (all.next() instanceof OutputStreamAppender<ILoggingEvent> stream) {
                    JsonLines lines = new JsonLines();
                    lines.setContext(context);
                    lines.start();
                    stream.setEncoder(lines);
                }
            }
        }
    }
}
