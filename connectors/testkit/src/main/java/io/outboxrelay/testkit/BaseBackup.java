package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Set;

import io.outboxrelay.api.DatabaseAddress;

/**
 * Copies a running server's data as a standby of it begins with, by the server's own functions: the artefacts have no
 * {@code pg_basebackup}.
 *
 * @see <a href="https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP">Making a
 *     base backup using the low-level API</a>
 */
final class BaseBackup {

    /** What is the primary's alone. The log comes through the slot. */
    private static final Set<Path> LEFT_OUT = Set.of(
            Path.of("postmaster.pid"), Path.of("postmaster.opts"), Path.of("backup_label"), Path.of("standby.signal"));

    private static final Set<Path> EMPTIED = Set.of(
            Path.of("pg_wal"),
            Path.of("pg_replslot"),
            Path.of("pg_dynshmem"),
            Path.of("pg_notify"),
            Path.of("pg_serial"),
            Path.of("pg_snapshots"),
            Path.of("pg_stat_tmp"),
            Path.of("pg_subtrans"));

    private BaseBackup() {}

    /**
     * Makes the slot, copies, and writes what makes the copy a standby.
     *
     * @param from the running server's data
     * @param to a folder that does not exist
     */
    static void take(DatabaseAddress primary, Path from, Path to, String slot) {
        try (Connection connection = TestDatabase.connect(primary);
                Statement statement = connection.createStatement()) {
            statement.execute("SELECT pg_create_physical_replication_slot('" + slot + "', true)");
            boolean copiesSlots = connection.getMetaData().getDatabaseMajorVersion() >= 17;
            boolean newNames = connection.getMetaData().getDatabaseMajorVersion() >= 15;
            statement.execute(
                    newNames
                            ? "SELECT pg_backup_start('standby', true)"
                            : "SELECT pg_start_backup('standby', true, false)");
            copy(from, to);
            try (ResultSet row = statement.executeQuery(
                    newNames
                            ? "SELECT labelfile FROM pg_backup_stop(false)"
                            : "SELECT labelfile FROM pg_stop_backup(false, false)")) {
                row.next();
                Files.writeString(to.resolve("backup_label"), row.getString(1));
            }
            Files.createFile(to.resolve("standby.signal"));
            Files.writeString(
                    to.resolve("postgresql.auto.conf"),
                    """
                    primary_conninfo = 'host=%s port=%d user=%s password=%s dbname=postgres'
                    primary_slot_name = '%s'
                    hot_standby_feedback = on
                    wal_receiver_status_interval = '100ms'
                    """.formatted(primary.host(), primary.port(), primary.user(), primary.password(), slot)
                            + (copiesSlots ? "sync_replication_slots = on\n" : ""),
                    StandardOpenOption.APPEND);
            if (copiesSlots) {
                statement.execute("ALTER SYSTEM SET synchronized_standby_slots = '" + slot + "'");
                statement.execute("SELECT pg_reload_conf()");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (SQLException e) {
            throw new IllegalStateException("could not copy the server at port " + primary.port(), e);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
                    throws IOException {
                Path relative = from.relativize(directory);
                if (relative.startsWith("pg_replslot") && relative.getNameCount() > 1) {
                    return FileVisitResult.SKIP_SUBTREE;
                }
                Files.copy(directory, to.resolve(relative), StandardCopyOption.COPY_ATTRIBUTES);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Path relative = from.relativize(file);
                if (!LEFT_OUT.contains(relative) && EMPTIED.stream().noneMatch(relative::startsWith)) {
                    try {
                        Files.copy(file, to.resolve(relative), StandardCopyOption.COPY_ATTRIBUTES);
                    } catch (NoSuchFileException removedMeanwhile) {
                        Files.deleteIfExists(to.resolve(relative));
                    }
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }
        });
    }
}
