package io.outboxrelay.relay.logging;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import io.outboxrelay.api.Code;

/**
 * Shows the first few warnings and errors of a kind, and of those that follow at once only how many they are, every ten
 * seconds. Lines of one kind have the same logger and the same code; without a code, the same words before anything is
 * filled in.
 */
public final class RepeatedLines extends Filter<ILoggingEvent> {

    /** How many lines of a kind are shown in one period. */
    static final int SHOWN = 5;

    private static final long PERIOD_SECONDS = 10;

    /** Beyond so many kinds at once, lines are not counted but shown. */
    private static final int MOST_KINDS = 1_000;

    private static final String MORE = "{} {} more lines like this in the last {} s";

    private record Kind(String logger, Object codeOrWords) {}

    private static final class Count {

        private final Level level;
        private int shown;
        private long hidden;

        private Count(Level level) {
            this.level = level;
        }
    }

    private final Map<Kind, Count> counts = new HashMap<>();
    private ScheduledFuture<?> telling;

    @Override
    public void start() {
        super.start();
        telling = getContext()
                .getScheduledExecutorService()
                .scheduleWithFixedDelay(this::tell, PERIOD_SECONDS, PERIOD_SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public void stop() {
        super.stop();
        telling.cancel(false);
    }

    @Override
    public FilterReply decide(ILoggingEvent event) {
        if (!event.getLevel().isGreaterOrEqual(Level.WARN) || event.getMessage().equals(MORE)) {
            return FilterReply.NEUTRAL;
        }
        Object codeOrWords = JsonLines.code(event).<Object>map(code -> code).orElse(event.getMessage());
        Kind kind = new Kind(event.getLoggerName(), codeOrWords);
        synchronized (counts) {
            if (counts.size() >= MOST_KINDS && !counts.containsKey(kind)) {
                return FilterReply.NEUTRAL;
            }
            Count count = counts.computeIfAbsent(kind, first -> new Count(event.getLevel()));
            if (count.shown < SHOWN) {
                count.shown++;
                return FilterReply.NEUTRAL;
            }
            count.hidden++;
            return FilterReply.DENY;
        }
    }

    /** Says how many were hidden, and forgets those kinds of which none was. */
    void tell() {
        List<Runnable> lines = new ArrayList<>();
        synchronized (counts) {
            for (Iterator<Map.Entry<Kind, Count>> all = counts.entrySet().iterator(); all.hasNext(); ) {
                Map.Entry<Kind, Count> entry = all.next();
                long hidden = entry.getValue().hidden;
                entry.getValue().hidden = 0;
                if (hidden == 0) {
                    all.remove();
                } else {
                    lines.add(() -> log(entry.getKey(), entry.getValue().level, hidden));
                }
            }
        }
        lines.forEach(Runnable::run);
    }

    private void log(Kind kind, Level level, long hidden) {
        Logger logger = ((LoggerContext) getContext()).getLogger(kind.logger());
        logger.atLevel(org.slf4j.event.Level.valueOf(level.toString()))
                .log(MORE, kind.codeOrWords() instanceof Code code ? code : "…", hidden, PERIOD_SECONDS);
    }
}
