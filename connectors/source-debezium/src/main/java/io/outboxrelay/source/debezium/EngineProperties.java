package io.outboxrelay.source.debezium;

import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.postgres.DirectConnection;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;

/**
 * The engine's properties. Holds the password: never logged.
 *
 * @see <a href="https://debezium.io/documentation/reference/3.6/connectors/postgresql.html#postgresql-connector-properties">
 *     the connector's properties</a>
 */
final class EngineProperties {

    /** What the heartbeat writes into the log; the prefix is what the connector is told to leave out. */
    private static final String HEARTBEAT = "SELECT pg_logical_emit_message(false, 'relay.heartbeat', '')";

    private EngineProperties() {}

    /**
     * @param keyColumn what rows are found again by in the table, if they need to be
     * @param engine a name that no other engine of this JVM has: it names MBeans and threads
     */
    static Properties of(
            OutboxDatabase database, DebeziumSettings settings, Optional<String> keyColumn, String engine) {
        Properties all = new Properties();
        all.putAll(settings.properties());

        all.setProperty("name", engine);
        all.setProperty("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
        all.setProperty("topic.prefix", engine);
        connect(database.address(), all);

        // The slot is the position: nothing stored, nothing snapshot, nothing created, nothing retried in place.
        all.setProperty("offset.storage", "org.apache.kafka.connect.storage.MemoryOffsetBackingStore");
        all.setProperty("snapshot.mode", "no_data");
        all.setProperty("plugin.name", "pgoutput");
        all.setProperty("slot.name", settings.reader().slot());
        all.setProperty("publication.name", settings.reader().publication());
        all.setProperty("publication.autocreate.mode", "disabled");
        all.setProperty("lsn.flush.mode", "connector");
        all.setProperty("errors.max.retries", "0");
        all.setProperty("slot.max.retries", "0");

        read(database.table(), keyColumn, all);
        // Updates must be seen, to be named; those that mark rows are our own.
        all.setProperty(
                "skipped.operations", database.afterDelivery().action() == AfterDelivery.Action.MARK ? "t,d,u" : "t,d");

        all.setProperty(
                "heartbeat.interval.ms", millis(settings.heartbeatInterval().toMillis()));
        all.setProperty("heartbeat.action.query", HEARTBEAT);
        // All of them, also those that the service writes: they are no rows. They still move the position.
        all.setProperty("message.prefix.exclude.list", ".*");

        all.setProperty("poll.interval.ms", millis(settings.pollInterval().toMillis()));
        all.setProperty("max.batch.size", String.valueOf(settings.maxBatchRows()));
        all.setProperty("max.queue.size", String.valueOf(settings.maxQueueRows()));
        all.setProperty("max.queue.size.in.bytes", String.valueOf(settings.maxQueueBytes()));

        // A slot that is gone would be made anew without a word, and the making would wait for the oldest transaction.
        all.putIfAbsent("internal.create.slot.command.timeout", "1");
        // The default of 10 s is how long a crashed server would go unnoticed.
        all.putIfAbsent("status.update.interval.ms", "1000");
        // Bounds close(): the defaults are minutes.
        all.putIfAbsent("internal.task.management.timeout.ms", "30000");
        all.putIfAbsent("executor.shutdown.timeout.ms", "4000");
        all.putIfAbsent("lsn.flush.timeout.ms", "10000");
        return all;
    }

    private static void connect(DatabaseAddress address, Properties all) {
        all.setProperty("database.hostname", address.host());
        all.setProperty("database.port", String.valueOf(address.port()));
        all.setProperty("database.dbname", address.name());
        all.setProperty("database.user", address.user());
        all.setProperty("database.password", address.password());
        address.timeouts().ofDriver().forEach((name, value) -> all.setProperty("database." + name, value));
        address.properties().forEach((name, value) -> all.setProperty("database." + name, value));
        all.setProperty("database.options", DirectConnection.streamOptions(address));
    }

    private static void read(OutboxTable table, Optional<String> keyColumn, Properties all) {
        OutboxColumns columns = table.columns();
        String name = pattern(table.schema()) + "\\." + pattern(table.table());
        all.setProperty("table.include.list", name);
        all.setProperty(
                "column.include.list",
                Stream.concat(columns.ofEvent().stream(), keyColumn.stream())
                        .distinct()
                        .map(column -> name + "\\." + pattern(column))
                        .collect(Collectors.joining(",")));
        all.setProperty("tombstones.on.delete", "false");
        all.setProperty("binary.handling.mode", "bytes");
        all.setProperty("decimal.handling.mode", "string");

        // What nobody asks for.
        all.setProperty("sourceinfo.struct.maker", NoSourceInfo.class.getName());
        all.setProperty("statistics.metrics.enabled", "false");
    }

    /** A regular expression for exactly this name; Debezium splits lists at commas and ignores case. */
    private static String pattern(String name) {
        return name.codePoints()
                .mapToObj(c -> c < 128 && (Character.isLetterOrDigit(c) || c == '_')
                        ? Character.toString(c)
                        : "\\x{" + Integer.toHexString(c) + "}")
                .collect(Collectors.joining());
    }

    private static String millis(long value) {
        return String.valueOf(value);
    }
}
