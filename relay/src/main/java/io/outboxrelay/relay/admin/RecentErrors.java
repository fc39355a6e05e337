package io.outboxrelay.relay.admin;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import org.slf4j.LoggerFactory;

/**
 * The last warnings and errors that the relay itself logged, newest first; never what a library said, since nobody vouches
 * for that. One that is said again is counted. Safe for use by any thread.
 */
final class RecentErrors extends AppenderBase<ILoggingEvent> implements AutoCloseable {

    private static final String OWN = "io.outboxrelay";
    private static final Pattern CODE = Pattern.compile("(OR-\\d{4})\\b");
    private static final int MOST = 50;
    private static final int LONGEST = 2_000;

    /**
     * A line.
     *
     * @param at when it was first said
     * @param lastAt when it was last said
     * @param times how often
     * @param level {@code WARN} or {@code ERROR}
     * @param text what was said
     */
    record Line(Instant at, Instant lastAt, long times, String level, String text) {

        /** The code that the text begins with; empty if it begins with none. */
        Optional<String> code() {
            Matcher begin = CODE.matcher(text);
            return begin.lookingAt() ? Optional.of(begin.group(1)) : Optional.empty();
        }

        private boolean isSame(Line other) {
            return level.equals(other.level) && text.equals(other.text);
        }

        private Line again(Instant now) {
            return new Line(at, now, times + 1, level, text);
        }
    }

    private final List<Line> lines = new ArrayList<>();

    /** Begins to collect. */
    static RecentErrors collect() {
        RecentErrors errors = new RecentErrors();
        if (LoggerFactory.getILoggerFactory() instanceof LoggerContext context) {
            errors.setContext(context);
            errors.start();
            context.getLogger(OWN).addAppender(errors);
        }
        return errors;
    }

    /** What was collected. */
    List<Line> lines() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    @Override
    public void close() {
        if (getContext() instanceof LoggerContext context) {
            Logger own = context.getLogger(OWN);
            own.detachAppender(this);
        }
        stop();
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (!event.getLevel().isGreaterOrEqual(Level.WARN)) {
            return;
        }
        String said = event.getFormattedMessage();
        Line line = new Line(
                event.getInstant(),
                event.getInstant(),
                1,
                event.getLevel().toString(),
                said.length() > LONGEST ? said.substring(0, LONGEST) + " …" : said);
        synchronized (lines) {
            for (int i = 0; i < lines.size(); i++) {
                if (lines.get(i).isSame(line)) {
                    lines.add(0, lines.remove(i).again(line.at()));
                    return;
                }
            }
            lines.add(0, line);
            if (lines.size() > MOST) {
                lines.remove(MOST);
            }
        }
    }
}
