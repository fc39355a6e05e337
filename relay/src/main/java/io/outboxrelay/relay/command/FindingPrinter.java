package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.api.Finding;
import io.outboxrelay.api.Finding.Level;
import picocli.CommandLine.Help.ColorScheme;

/** Writes findings: a line for each, its remedy in the next, and what they come to. */
final class FindingPrinter {

    private static final String INDENT = " ".repeat(9);

    private final PrintWriter out;
    private final boolean asJson;
    private final ColorScheme colors;

    FindingPrinter(PrintWriter out, boolean asJson, ColorScheme colors) {
        this.out = out;
        this.asJson = asJson;
        this.colors = colors;
    }

    void print(List<Finding> findings) {
        if (asJson) {
            out.println(JsonText.of(json(findings)));
            return;
        }
        for (Finding finding : findings) {
            out.println(label(finding.level())
                    + finding.code().map(code -> code + " ").orElse("") + finding.subject() + ": "
                    + sentence(finding.text()));
            if (!finding.remedy().isEmpty()) {
                out.println(INDENT + "Remedy: " + finding.remedy());
            }
        }
        out.println();
        out.println(summary(findings));
    }

    private static ObjectNode json(List<Finding> findings) {
        ObjectNode node = JsonText.object();
        node.put("result", name(worst(findings)));
        node.put("errors", count(findings, Level.ERROR));
        node.put("warnings", count(findings, Level.WARNING));
        ArrayNode list = node.putArray("findings");
        for (Finding finding : findings) {
            list.addObject()
                    .put("level", name(finding.level()))
                    .put("code", finding.code().map(Object::toString).orElse(null))
                    .put("subject", finding.subject())
                    .put("text", finding.text())
                    .put("remedy", finding.remedy().isEmpty() ? null : finding.remedy());
        }
        return node;
    }

    private static String summary(List<Finding> findings) {
        long errors = count(findings, Level.ERROR);
        long warnings = count(findings, Level.WARNING);
        return switch (worst(findings)) {
            case OK -> "All is ok.";
            case WARNING -> "The relay can work. " + number(warnings, "warning") + ".";
            case ERROR ->
                "The relay cannot work. " + number(errors, "error")
                        + (warnings == 0 ? "" : ", " + number(warnings, "warning")) + ".";
        };
    }

    private String label(Level level) {
        String color = switch (level) {
            case OK -> "green";
            case WARNING -> "yellow";
            case ERROR -> "red";
        };
        String name = name(level);
        return colors.ansi().string("@|" + color + " " + name + "|@") + INDENT.substring(name.length());
    }

    private static Level worst(List<Finding> findings) {
        return findings.stream().map(Finding::level).max(Level::compareTo).orElse(Level.OK);
    }

    private static long count(List<Finding> findings, Level level) {
        return findings.stream().filter(finding -> finding.level() == level).count();
    }

    private static String number(long count, String what) {
        return count + " " + what + (count == 1 ? "" : "s");
    }

    private static String sentence(String text) {
        return text.endsWith(".") ? text : text + ".";
    }

    private static String name(Level level) {
        return level.name().toLowerCase(Locale.ROOT);
    }
}
