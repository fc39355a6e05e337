package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.util.List;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.postgres.SetupStep;
import io.outboxrelay.postgres.SetupStep.Kind;
import io.outboxrelay.relay.config.RelayConfig;

/** Writes what a database lacks: as SQL, with everything else as SQL comments, or as JSON. */
final class SetupPrinter {

    private final PrintWriter out;
    private final boolean asJson;
    private final String searchPath;

    private boolean begun;

    SetupPrinter(PrintWriter out, boolean asJson, String searchPath) {
        this.out = out;
        this.asJson = asJson;
        this.searchPath = searchPath;
    }

    /** All that an empty database needs, to be run by somebody else. */
    void script(List<SetupStep> steps, List<String> notes, RelayConfig relay) {
        if (asJson) {
            json(steps, notes, false);
            return;
        }
        out.println("-- What the outbox " + relay.outbox() + " and its relay need in the database "
                + relay.database().name() + ".");
        out.println("-- Run it there once, as a superuser or as a role that may make tables, publications and roles:");
        out.println("--     psql -v ON_ERROR_STOP=1 -d " + relay.database().name() + " -f FILE");
        out.println("-- Where some of it is there already, 'outbox-relay init' without --print shows what is missing.");
        out.println();
        out.println("BEGIN;");
        out.println(searchPath);
        steps.stream().filter(step -> step.kind() != Kind.AFTERWARDS).forEach(this::scripted);
        out.println();
        out.println("COMMIT;");
        steps.stream().filter(step -> step.kind() == Kind.AFTERWARDS).forEach(this::scripted);
        notes(notes);
    }

    /** What is missing. */
    void missing(List<SetupStep> steps, List<String> notes, DatabaseAddress admin) {
        if (asJson) {
            json(steps, notes, false);
            return;
        }
        steps.forEach(this::running);
        out.println((steps.isEmpty() ? "-- Nothing is missing in " : "\n-- This is missing in ") + where(admin) + "."
                + (steps.isEmpty() ? "" : " Run it with --apply."));
        notes(notes);
    }

    /** A step that is run now. */
    void running(SetupStep step) {
        if (asJson) {
            return;
        }
        if (!begun) {
            out.println(searchPath);
            begun = true;
        }
        out.println();
        out.println(step.sql());
        out.flush();
    }

    /** All steps are run. */
    void done(List<SetupStep> steps, List<String> notes, DatabaseAddress admin) {
        if (asJson) {
            json(steps, notes, true);
            return;
        }
        out.println(
                steps.isEmpty()
                        ? "-- Nothing is missing in " + where(admin) + "."
                        : "\n-- Done in " + where(admin) + ": " + steps.size()
                                + (steps.size() == 1 ? " statement." : " statements."));
        notes(notes);
    }

    private void scripted(SetupStep step) {
        out.println();
        out.println(step.sql());
    }

    private void notes(List<String> notes) {
        notes.forEach(note -> out.println("-- " + note));
    }

    private void json(List<SetupStep> steps, List<String> notes, boolean applied) {
        ObjectNode node = JsonText.object();
        node.put("applied", applied);
        ArrayNode list = node.putArray("statements");
        if (!steps.isEmpty()) {
            list.addObject().put("makes", (String) null).put("sql", searchPath);
        }
        steps.forEach(step -> list.addObject().put("makes", step.what()).put("sql", step.sql()));
        ArrayNode texts = node.putArray("notes");
        notes.forEach(texts::add);
        out.println(JsonText.of(node));
    }

    private static String where(DatabaseAddress admin) {
        return admin.name() + " at " + admin.host() + ":" + admin.port();
    }
}
