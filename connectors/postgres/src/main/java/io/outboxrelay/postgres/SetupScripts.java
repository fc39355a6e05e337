package io.outboxrelay.postgres;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.AfterDelivery.Action;
import io.outboxrelay.schema.Identifier;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.schema.SchemaScript;

/** The scripts of {@code outbox-schema}, statement by statement, under the names and for the mode of one outbox. */
final class SetupScripts {

    /** Comments, texts and names: of these, names alone are replaced. */
    private static final Pattern TOKENS = Pattern.compile("--[^\\n]*|'(?:[^']|'')*'|[A-Za-z_][A-Za-z_0-9]*");

    /** The one name that is written as a text. */
    private static final String SEQUENCE = "'outbox_seq'";

    private static final Pattern PARTITION = Pattern.compile("outbox_p\\d+");
    private static final Pattern BODY = Pattern.compile("\\$\\$(.*)\\$\\$", Pattern.DOTALL);
    private static final Pattern GRANT = Pattern.compile("GRANT [^;]+;");

    private final OutboxTable table;
    private final AfterDelivery after;
    private final String role;
    private final String publication;

    /**
     * @param role the relay's role
     * @param publication the publication; any name where the log is not read
     */
    SetupScripts(OutboxTable table, AfterDelivery after, String role, String publication) {
        this.table = table;
        this.after = after;
        this.role = role;
        this.publication = publication;
    }

    /** The outbox itself, and its publication. */
    List<SetupStatement> table(boolean partitioned) {
        return of(partitioned ? SchemaScript.PARTITIONED_TABLE : SchemaScript.TABLE);
    }

    /** The mark of delivered rows; nothing where rows are not marked. */
    List<SetupStatement> mark() {
        return after.action() == Action.MARK ? of(SchemaScript.MARK) : List.of();
    }

    /** The relay's own tables. */
    List<SetupStatement> relayTables() {
        return Stream.of(SchemaScript.RELAY, SchemaScript.DEAD_LETTER)
                .flatMap(script -> of(script).stream())
                .toList();
    }

    /** The relay's role and its rights, and the role for services. */
    List<SetupStatement> roles(boolean readsLog, boolean partitioned) {
        return Stream.concat(
                        of(readsLog ? SchemaScript.RELAY_ROLE : SchemaScript.POLLING_ROLE).stream(),
                        of(SchemaScript.SERVICE_ROLE).stream())
                .filter(statement -> partitioned || !statement.is("GRANT USAGE ON SEQUENCE .*"))
                .toList();
    }

    private List<SetupStatement> of(SchemaScript script) {
        return script.statements().stream()
                .flatMap(SetupScripts::plain)
                .map(this::forMode)
                .map(statement -> new SetupStatement(statement, name -> rename(script, name)))
                .toList();
    }

    /** A block that grants where a table exists is what it grants: here the table does exist. */
    private static Stream<String> plain(String statement) {
        Matcher body = BODY.matcher(statement);
        if (!body.find()) {
            return Stream.of(statement);
        }
        return GRANT.matcher(body.group(1)).results().map(grant -> grant.group().replaceAll("\\s+", " "));
    }

    /** What the comments of the scripts say about other modes than delete. */
    private String forMode(String statement) {
        String right = switch (after.action()) {
            case DELETE, DROP_PARTITION -> "SELECT, DELETE";
            case MARK -> "SELECT, UPDATE (delivered_at)";
            case KEEP -> "SELECT";
        };
        return statement.replaceFirst("GRANT SELECT, DELETE ON outbox TO", "GRANT " + right + " ON outbox TO");
    }

    private String rename(SchemaScript script, String name) {
        boolean isTable = script == SchemaScript.TABLE || script == SchemaScript.PARTITIONED_TABLE;
        boolean isFixed = script == SchemaScript.RELAY || script == SchemaScript.DEAD_LETTER;
        if (name.equals("public")) {
            return table.schema();
        }
        if (isFixed) {
            return name;
        }
        return switch (name) {
            case "outbox" -> table.table();
            case "outbox_relay" -> isTable ? publication : role;
            case "outbox_seq", "outbox_unsent" -> table.table() + name.substring("outbox".length());
            case "delivered_at" -> after.markColumn();
            case "seq" -> script == SchemaScript.MARK ? CleanupChecks.key(table) : name;
            default -> PARTITION.matcher(name).matches() ? table.table() + name.substring("outbox".length()) : name;
        };
    }

    /** The text with every name replaced that is not written as a name of the scripts' own. */
    static String rename(String sql, UnaryOperator<String> names) {
        return TOKENS.matcher(sql).replaceAll(token -> Matcher.quoteReplacement(renamedToken(token.group(), names)));
    }

    private static String renamedToken(String token, UnaryOperator<String> names) {
        if (token.startsWith("--")) {
            return token;
        }
        if (token.startsWith("'")) {
            return token.equals(SEQUENCE) ? Session.literal(renamed(token.replace("'", ""), names)) : token;
        }
        return renamed(token, names);
    }

    private static String renamed(String name, UnaryOperator<String> names) {
        String renamed = names.apply(name);
        return renamed.equals(name) ? name : Identifier.quote(renamed);
    }
}
