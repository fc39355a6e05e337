package io.outboxrelay.postgres;

import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import io.outboxrelay.schema.Identifier;

/**
 * A statement of {@code outbox-schema}, and whether what it makes is there. It is written with the scripts' own names.
 *
 * @param text the statement as the script has it
 * @param names the names that stand in this database for the script's own
 */
record SetupStatement(String text, UnaryOperator<String> names) {

    private static final Pattern RELATION =
            Pattern.compile("CREATE (?:UNIQUE )?(TABLE|INDEX|SEQUENCE) (?:IF NOT EXISTS )?(\\w+).*");
    private static final Pattern SEQUENCE_OWNER = Pattern.compile("ALTER SEQUENCE \\w+ OWNED BY (\\w+)\\.(\\w+);");
    private static final Pattern PUBLICATION = Pattern.compile("CREATE PUBLICATION (\\w+) FOR TABLE (\\w+) .*");
    private static final Pattern ROLE = Pattern.compile("CREATE ROLE (\\w+) .*");
    private static final Pattern COLUMN = Pattern.compile("ALTER TABLE (\\w+) ADD COLUMN IF NOT EXISTS (\\w+) .*");
    private static final Pattern GRANT = Pattern.compile("GRANT (.+?) ON (SCHEMA |SEQUENCE |)([\\w, ]+?) TO (\\w+);");
    private static final Pattern COLUMN_RIGHT = Pattern.compile("(\\w+) \\((\\w+)\\)");

    private static final String HAS_RELATION = "SELECT to_regclass(?) IS NOT NULL";
    private static final String HAS_COLUMN = """
            SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(?) AND attname = ? AND NOT attisdropped)""";
    private static final String HAS_OWNER = """
            SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                           WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a'
                             AND a.attrelid = to_regclass(?) AND a.attname = ?)""";
    private static final String HAS_PUBLICATION = "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = ?)";
    private static final String HAS_ROLE = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = ?)";
    private static final String MAY_TABLE =
            "SELECT coalesce(has_table_privilege(to_regrole(?)::oid, to_regclass(?)::oid, ?), false)";
    private static final String MAY_COLUMN = """
            SELECT coalesce(bool_or(has_column_privilege(to_regrole(?)::oid, attrelid, attnum, ?)), false)
            FROM pg_attribute WHERE attrelid = to_regclass(?) AND attname = ?""";
    private static final String MAY_SEQUENCE =
            "SELECT coalesce(has_sequence_privilege(to_regrole(?)::oid, to_regclass(?)::oid, ?), false)";
    private static final String MAY_SCHEMA =
            "SELECT coalesce(has_schema_privilege(to_regrole(?)::oid, to_regnamespace(?)::oid, ?), false)";

    /** Whether it is such a statement, its comment aside. */
    boolean is(String regex) {
        return Pattern.compile(regex).matcher(code()).matches();
    }

    /** What it makes, for people. */
    String what() {
        Matcher relation = RELATION.matcher(code());
        Matcher owner = SEQUENCE_OWNER.matcher(code());
        Matcher publication = PUBLICATION.matcher(code());
        Matcher role = ROLE.matcher(code());
        Matcher column = COLUMN.matcher(code());
        Matcher grant = GRANT.matcher(code());
        if (relation.matches()) {
            return relation.group(1).toLowerCase(Locale.ROOT) + " " + names.apply(relation.group(2));
        }
        if (owner.matches()) {
            return "owner of the sequence";
        }
        if (publication.matches()) {
            return "publication " + names.apply(publication.group(1));
        }
        if (role.matches()) {
            return "role " + names.apply(role.group(1));
        }
        if (column.matches()) {
            return "column " + names.apply(column.group(2)) + " of " + names.apply(column.group(1));
        }
        if (grant.matches()) {
            return "rights of " + names.apply(grant.group(4)) + " on "
                    + String.join(
                            ", ", words(grant.group(3)).stream().map(names).toList());
        }
        throw new IllegalStateException("outbox-schema has a statement that nobody knows: " + text);
    }

    /** Whether what it makes is not there. */
    boolean isMissing(Session session) throws SQLException {
        Matcher relation = RELATION.matcher(code());
        Matcher owner = SEQUENCE_OWNER.matcher(code());
        Matcher publication = PUBLICATION.matcher(code());
        Matcher role = ROLE.matcher(code());
        Matcher column = COLUMN.matcher(code());
        Matcher grant = GRANT.matcher(code());
        if (relation.matches()) {
            return !session.isTrue(HAS_RELATION, relation(relation.group(2)));
        }
        if (owner.matches()) {
            return !session.isTrue(HAS_OWNER, relation(owner.group(1)), names.apply(owner.group(2)));
        }
        if (publication.matches()) {
            return !session.isTrue(HAS_PUBLICATION, names.apply(publication.group(1)));
        }
        if (role.matches()) {
            return !session.isTrue(HAS_ROLE, names.apply(role.group(1)));
        }
        if (column.matches()) {
            return !session.isTrue(HAS_COLUMN, relation(column.group(1)), names.apply(column.group(2)));
        }
        if (grant.matches()) {
            return lacksRight(session, grant);
        }
        throw new IllegalStateException("outbox-schema has a statement that nobody knows: " + text);
    }

    /** As it is shown, and run. */
    SetupStep step() {
        return new SetupStep(what(), SetupScripts.rename(text, names), SetupStep.Kind.STATEMENT);
    }

    private boolean lacksRight(Session session, Matcher grant) throws SQLException {
        String role = Identifier.quote(names.apply(grant.group(4)));
        for (String name : words(grant.group(3))) {
            for (String right : grant.group(1).split(",\\s*", -1)) {
                Matcher ofColumn = COLUMN_RIGHT.matcher(right);
                boolean may;
                if (ofColumn.matches()) {
                    may = session.isTrue(
                            MAY_COLUMN, role, ofColumn.group(1), relation(name), names.apply(ofColumn.group(2)));
                } else if (grant.group(2).startsWith("SCHEMA")) {
                    may = session.isTrue(MAY_SCHEMA, role, Identifier.quote(names.apply(name)), right);
                } else {
                    String question = grant.group(2).isEmpty() ? MAY_TABLE : MAY_SEQUENCE;
                    may = session.isTrue(question, role, relation(name), right);
                }
                if (!may) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The relation's full name: a session's search_path may find another one of that name. */
    private String relation(String name) {
        return Identifier.quote(names.apply("public")) + "." + Identifier.quote(names.apply(name));
    }

    private static List<String> words(String list) {
        return Arrays.asList(list.strip().split(",\\s*", -1));
    }

    /** Without the comment above it, in one line. */
    private String code() {
        return text.replaceFirst("^(?:--[^\\n]*\\n)*", "")
                .replaceAll("\\s+", " ")
                .strip();
    }
}
