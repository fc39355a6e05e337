package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.EventHandler;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.api.OutboxSource;
import io.outboxrelay.api.PositionLostException;
import io.outboxrelay.api.SourceBusyException;
import io.outboxrelay.api.SourceStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One run over the log: finds where it begins, streams, and ends when it is told to. */
final class LogSource implements OutboxSource {

    private static final Logger log = LoggerFactory.getLogger(LogSource.class);

    private static final Duration LEAVE_LIMIT = Duration.ofSeconds(1);

    private final OutboxDatabase database;
    private final LogReaderSettings settings;
    private final String application;
    private final LogStream.Opener opener;
    private final LogPosition position;
    private final CountDownLatch ending = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);

    private boolean stopCalled;
    private LogStart prepared;
    private LogRun run;

    LogSource(OutboxDatabase database, LogReaderSettings settings, String application, LogStream.Opener opener) {
        this.database = database;
        this.settings = settings;
        this.application = application;
        this.opener = opener;
        this.position = new LogPosition(database, settings.log());
    }

    @Override
    public void prepare() throws SQLException, SourceBusyException, PositionLostException, InterruptedException {
        Optional<LogStart> start = awaitPosition();
        if (start.isPresent() && !keep(start.get())) {
            position.discard(start.get());
        }
    }

    @Override
    public void run(EventHandler handler) throws Exception {
        try {
            Optional<LogStart> start = takePrepared();
            if (start.isEmpty()) {
                start = awaitPosition();
            }
            if (start.isPresent() && open(handler, start.get())) {
                stream();
            }
        } finally {
            opened().ifPresent(LogRun::takeNoMore);
            opened().ifPresent(LogRun::close);
            awaitStop();
        }
    }

    @Override
    public boolean stop(Duration atMost) throws InterruptedException {
        long deadline = System.nanoTime() + atMost.toNanos();
        try {
            Optional<LogRun> running = beginStop();
            boolean settled = running.isEmpty() || running.get().settle(atMost);
            end();
            boolean moved = running.isEmpty() || running.get().move(deadline);
            return moved && settled;
        } finally {
            ending.countDown();
            stopped.countDown();
        }
    }

    @Override
    public SourceStatus status() {
        return opened().map(LogRun::status).orElse(SourceStatus.UNKNOWN);
    }

    @Override
    public void close() {
        opened().ifPresent(LogRun::takeNoMore);
        try {
            end();
        } catch (InterruptedException e) {
            log.warn("{} Interrupted while the source was being closed", Code.ENGINE_NOT_ENDED);
            Thread.currentThread().interrupt();
        }
        takePrepared().ifPresent(position::discard);
    }

    /** Empty if nothing was handed over: then no run is opened any more. */
    private synchronized Optional<LogRun> beginStop() {
        stopCalled = true;
        if (run == null) {
            ending.countDown();
        }
        return Optional.ofNullable(run);
    }

    /** Ends whatever runs: the search for a place to begin, or the stream. */
    private void end() throws InterruptedException {
        ending.countDown();
        position.cancel();
        opened().ifPresent(LogRun::endStream);
    }

    /** Empty if the source was ended meanwhile. */
    private Optional<LogStart> awaitPosition()
            throws SQLException, SourceBusyException, PositionLostException, InterruptedException {
        long began = System.nanoTime();
        while (!isEnding()) {
            try {
                return position.prepare();
            } catch (SourceBusyException e) {
                // It may be the run before this one, which the server has not seen leave yet.
                if (System.nanoTime() - began > LEAVE_LIMIT.toNanos()) {
                    throw e;
                }
                if (ending.await(20, TimeUnit.MILLISECONDS)) {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    private synchronized boolean keep(LogStart start) {
        if (isEnding()) {
            return false;
        }
        prepared = start;
        return true;
    }

    private synchronized Optional<LogStart> takePrepared() {
        Optional<LogStart> start = Optional.ofNullable(prepared);
        prepared = null;
        return start;
    }

    /** False if the source was ended meanwhile. */
    private boolean open(EventHandler handler, LogStart start) {
        boolean opened = false;
        try {
            synchronized (this) {
                if (!isEnding()) {
                    run = new LogRun(database, settings, application, opener, position, start, handler);
                    opened = true;
                }
            }
            return opened;
        } finally {
            if (!opened) {
                position.discard(start);
            }
        }
    }

    private void stream() throws Exception {
        LogRun opened = opened().orElseThrow();
        opened.watch(this::isEnding);
        if (!isEnding()) {
            throw opened.cause();
        }
    }

    private boolean isEnding() {
        return ending.getCount() == 0;
    }

    private synchronized Optional<LogRun> opened() {
        return Optional.ofNullable(run);
    }

    /** Whoever opened the source may close the database once the run has ended, and stop still needs it. */
    private void awaitStop() throws InterruptedException {
        boolean wait;
        synchronized (this) {
            wait = stopCalled;
        }
        if (wait) {
            stopped.await();
        }
    }
}
