package io.outboxrelay.postgres;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.api.SourceFactory;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import org.postgresql.PGConnection;

/**
 * What one outbox needs in its database before a relay can work: tables, publication, roles and their rights. Makes what
 * is missing and never alters what is there, except for rights that a role lacks and for a table that its publication
 * lacks. The statements are those of {@code outbox-schema}.
 */
public final class OutboxSetup {

    /** A service must not wait for long behind a lock that is waited for here. */
    private static final String LOCK_LIMIT = "SET LOCAL lock_timeout = '10s'";

    private static final String HAS_SCHEMA = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = ?)";

    private static final String HAS_SLOT = "SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = ?)";

    private static final String HAS_PUBLICATION = "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = ?)";

    private static final String PUBLISHES = """
            SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = ? AND puballtables)
                OR EXISTS (SELECT FROM pg_publication_tables WHERE pubname = ? AND schemaname = ?
                           AND (tablename = ? OR to_regclass(format('%I.%I', schemaname, tablename)) IN
                                (SELECT relid FROM pg_partition_tree(to_regclass(?)))))""";

    private final OutboxTable table;
    private final AfterDelivery after;
    private final SourceFactory source;
    private final String role;
    private final String password;
    private final SetupScripts scripts;
    private final RoleSetup roles;

    /**
     * @param source what is to read the outbox
     * @param role the relay's role
     * @param password what a role that is made gets as its password; empty for none
     */
    public OutboxSetup(OutboxTable table, AfterDelivery after, SourceFactory source, String role, String password) {
        this.table = table;
        this.after = after;
        this.source = source;
        this.role = role;
        this.password = password;
        this.roles = new RoleSetup(role);
        this.scripts = new SetupScripts(table, after, role, source.publication().orElse("outbox_relay"));
    }

    /**
     * All that an empty database needs.
     *
     * @throws UnsupportedOperationException if the table's columns are not those of {@code outbox-schema}
     */
    public List<SetupStep> all() {
        requireOwnColumns();
        boolean partitioned = after.action() == Action.DROP_PARTITION;
        List<SetupStep> steps = new ArrayList<>();
        if (!table.schema().equals("public")) {
            steps.add(schema());
        }
        Stream.of(
                        table(partitioned, true),
                        scripts.mark(),
                        scripts.relayTables(),
                        scripts.roles(source.slot().isPresent(), partitioned))
                .flatMap(List::stream)
                .forEach(statement -> {
                    steps.add(statement.step());
                    if (isOwnRole(statement)) {
                        steps.add(password());
                    }
                });
        source.slot().filter(slot -> !source.makesSlot()).ifPresent(slot -> steps.add(slot(slot)));
        return steps;
    }

    /**
     * What of it is missing, in the order in which it is to be made. Changes nothing.
     *
     * @throws SQLException if the database cannot be asked
     * @throws UnsupportedOperationException if the table is missing and its columns are not those of {@code outbox-schema}
     */
    public List<SetupStep> missing(Connection connection) throws SQLException {
        Session session = Session.of(connection);
        Optional<CatalogTable> found = CatalogTable.find(session, table);
        if (found.isEmpty()) {
            requireOwnColumns();
        }
        boolean partitioned = found.map(CatalogTable::isPartitioned).orElse(after.action() == Action.DROP_PARTITION);
        List<SetupStep> steps = new ArrayList<>();
        if (!session.isTrue(HAS_SCHEMA, table.schema())) {
            steps.add(schema());
        }
        add(steps, session, table(partitioned, found.isEmpty()));
        publishTable(steps, session);
        add(steps, session, scripts.mark());
        add(steps, session, scripts.relayTables());
        add(steps, session, scripts.roles(source.slot().isPresent(), partitioned));
        if (source.slot().isPresent()) {
            roles.replication(session).ifPresent(steps::add);
        }
        if (source.slot().isPresent()
                && !source.makesSlot()
                && !session.isTrue(HAS_SLOT, source.slot().get())) {
            steps.add(slot(source.slot().get()));
        }
        return steps;
    }

    /** What this cannot do, or leaves to others, for people. Without a connection: whatever may be so. */
    public List<String> notes(Optional<Connection> connection) throws SQLException {
        List<String> notes = new ArrayList<>();
        Optional<Session> session =
                connection.isPresent() ? Optional.of(Session.of(connection.get())) : Optional.empty();
        if (source.slot().isPresent() && source.makesSlot()) {
            String slot = source.slot().get();
            if (session.isEmpty() || !session.get().isTrue(HAS_SLOT, slot)) {
                notes.add("The replication slot " + slot + " is made by the relay itself at its first start, together"
                        + " with what the table holds then.");
            }
        }
        if (after.action() == Action.DROP_PARTITION) {
            roles.ownership(table, session).ifPresent(notes::add);
        }
        return notes;
    }

    /**
     * Makes what is missing: all of it or, if a statement fails, nothing. Only the slot comes after the rest.
     *
     * @param connection of somebody who may; its autocommit mode is left off
     * @param steps as {@link #missing} told them
     * @param begun told of each step before it is run
     * @throws SQLException as the server says it
     */
    public void apply(Connection connection, List<SetupStep> steps, Consumer<SetupStep> begun) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute(LOCK_LIMIT);
            statement.execute("SET LOCAL" + searchPath().substring("SET".length()));
            for (SetupStep step : steps) {
                begun.accept(step);
                switch (step.kind()) {
                    case STATEMENT -> statement.execute(step.sql());
                    case PASSWORD ->
                        // Hashed here: the server may log what it is told.
                        connection
                                .unwrap(PGConnection.class)
                                .alterUserPassword(role, password.toCharArray(), "scram-sha-256");
                    case AFTERWARDS -> {
                        // A slot cannot be made in a transaction that has written.
                        connection.commit();
                        statement.execute(step.sql());
                    }
                }
            }
            connection.commit();
        } catch (SQLException e) {
            connection.rollback();
            throw e;
        }
    }

    /** In which schema the statements work, as a statement; to be run before them. */
    public String searchPath() {
        return "SET search_path TO " + Identifier.quote(table.schema()) + ";";
    }

    private void add(List<SetupStep> steps, Session session, List<SetupStatement> statements) throws SQLException {
        for (SetupStatement statement : statements) {
            if (!statement.isMissing(session)) {
                continue;
            }
            boolean lends = isOwnRole(statement) && source.slot().isPresent() && roles.lendsReplication(session);
            SetupStep step = statement.step();
            steps.add(lends ? new SetupStep(step.what(), step.sql().replace(" REPLICATION;", ";"), step.kind()) : step);
            if (lends) {
                steps.add(roles.grant(true));
            }
            if (isOwnRole(statement) && !password.isEmpty()) {
                steps.add(password());
            }
        }
    }

    private List<SetupStatement> table(boolean partitioned, boolean withTable) {
        return scripts.table(partitioned).stream()
                .filter(statement -> statement.is("CREATE PUBLICATION .*")
                        ? source.publication().isPresent()
                        : withTable)
                .toList();
    }

    private boolean isOwnRole(SetupStatement statement) {
        return statement.is("CREATE ROLE outbox_relay .*");
    }

    private SetupStep schema() {
        return new SetupStep(
                "schema " + table.schema(),
                "CREATE SCHEMA " + Identifier.quote(table.schema()) + ";",
                SetupStep.Kind.STATEMENT);
    }

    private SetupStep password() {
        return new SetupStep(
                "password of " + role,
                "-- ALTER ROLE " + Identifier.quote(role)
                        + " PASSWORD '…'; -- that of the configuration, hashed; in psql:" + " \\password "
                        + Identifier.quote(role),
                SetupStep.Kind.PASSWORD);
    }

    private static SetupStep slot(String slot) {
        return new SetupStep(
                "slot " + slot,
                "SELECT pg_create_logical_replication_slot(" + Session.literal(slot) + ", 'pgoutput');",
                SetupStep.Kind.AFTERWARDS);
    }

    /** A publication that somebody made for other tables. */
    private void publishTable(List<SetupStep> steps, Session session) throws SQLException {
        if (source.publication().isEmpty()) {
            return;
        }
        String publication = source.publication().get();
        if (session.isTrue(HAS_PUBLICATION, publication)
                && !session.isTrue(
                        PUBLISHES, publication, publication, table.schema(), table.table(), table.quoted())) {
            steps.add(new SetupStep(
                    "table " + table.table() + " in publication " + publication,
                    "ALTER PUBLICATION " + Identifier.quote(publication) + " ADD TABLE " + table.quoted() + ";",
                    SetupStep.Kind.STATEMENT));
        }
    }

    private void requireOwnColumns() {
        if (!table.columns().equals(OutboxColumns.DEFAULT)) {
            throw new UnsupportedOperationException("the table " + table + " has columns of other names than that of"
                    + " outbox-schema (outbox.preset, outbox.columns): make it first; what else is missing can be made"
                    + " then");
        }
    }
}
