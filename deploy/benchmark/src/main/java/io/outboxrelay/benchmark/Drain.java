package io.outboxrelay.benchmark;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.apache.kafka.common.record.TimestampType;

/**
 * How fast rows that are committed already become messages, and go from the table: between the times at which Kafka stored
 * the first and the last message, and between the first message and the moment at which the last row is gone.
 */
record Drain(Rows rows) {

    private static final Duration LIMIT = Duration.ofMinutes(15);

    List<Figure> measure(Subject subject, Outbox outbox) throws Exception {
        subject.prepare(outbox);
        outbox.commit(rows);
        return subject.kind() == Subject.Kind.READER ? read(subject, outbox) : drain(subject, outbox);
    }

    /** Drains what is committed. Every message is read back: the figures count only if all are there and in order. */
    List<Figure> drain(Subject subject, Outbox outbox) throws Exception {
        try (Topic topic = new Topic(outbox)) {
            double processorSeconds;
            double residentMegabytes;
            long emptyAt;
            try (SubjectProcess process = subject.start(outbox)) {
                Patience patience = new Patience("the last message", LIMIT);
                while (topic.size() < rows.count() || (subject.removesRows() && !outbox.isEmpty())) {
                    process.requireAlive();
                    process.residentMegabytes();
                    patience.pause();
                }
                emptyAt = System.currentTimeMillis();
                processorSeconds = process.processorSeconds();
                residentMegabytes = process.mostResidentMegabytes();
                process.stop();
            }
            Check check = new Check(rows.count());
            long[] stored = {Long.MAX_VALUE, Long.MIN_VALUE};
            topic.readAll(record -> {
                if (record.timestampType() != TimestampType.LOG_APPEND_TIME) {
                    throw new IllegalStateException("the topic does not tell when messages were stored");
                }
                stored[0] = Math.min(stored[0], record.timestamp());
                stored[1] = Math.max(stored[1], record.timestamp());
                check.received(record.key(), Topic.numberOf(record));
            });
            check.requireRight();
            List<Figure> figures = new ArrayList<>();
            figures.add(Figure.more("drained", "rows/s", perSecond((stored[1] - stored[0]) / 1e3)));
            if (subject.removesRows()) {
                figures.add(Figure.more("sent and gone", "rows/s", perSecond((emptyAt - stored[0]) / 1e3)));
            }
            figures.add(Figure.less("processor", "s/million", processorSeconds / rows.count() * 1e6));
            figures.add(Figure.less("resident at most", "MB", residentMegabytes));
            figures.add(Figure.less("duplicates", "rows", check.duplicates()));
            return figures;
        }
    }

    /**
     * Reads the log to its end: from the start of the process to its own end. What it reads is counted by the server
     * before, since what was confirmed cannot be read again.
     */
    private List<Figure> read(Subject subject, Outbox outbox) throws Exception {
        long inserts = outbox.insertsBefore(RecvlogicalSubject.SLOT);
        if (inserts != rows.count()) {
            throw new IllegalStateException("the log holds " + inserts + " rows instead of " + rows.count());
        }
        long began = System.nanoTime();
        try (SubjectProcess process = subject.start(outbox)) {
            Patience patience = new Patience("the end of the log", LIMIT);
            while (process.isAlive()) {
                process.residentMegabytes();
                process.processorSeconds();
                patience.pause();
            }
            double seconds = (System.nanoTime() - began) / 1e9;
            if (process.status() != 0) {
                throw new IllegalStateException(
                        "it ended with status " + process.status() + ":\n" + process.endOfOutput());
            }
            return List.of(
                    Figure.more("drained", "rows/s", perSecond(seconds)),
                    Figure.less("processor", "s/million", process.processorSeconds() / rows.count() * 1e6),
                    Figure.less("resident at most", "MB", process.mostResidentMegabytes()));
        }
    }

    private double perSecond(double seconds) {
        return rows.count() / Math.max(0.001, seconds);
    }
}
