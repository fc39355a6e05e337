package io.outboxrelay.relay.docs;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A {@code reference.conf} as Markdown. It understands the part of HOCON that these files keep to: one setting or brace
 * in a line, and comments above what they are about. Settings that follow each other without a blank line share a
 * comment.
 */
final class ReferencePage {

    private static final Pattern SECTION = Pattern.compile("([\\w-]+) \\{(})?");
    private static final Pattern SETTING = Pattern.compile("(\"[^\"]+\"|[\\w-]+) = (.+)");

    private final StringBuilder page = new StringBuilder();
    private final Deque<String> path = new ArrayDeque<>();
    private final List<String> comment = new ArrayList<>();
    private final List<String> settings = new ArrayList<>();

    /** The first section with a comment is what the file is about: those in it come below it. */
    private boolean headed;

    private ReferencePage() {}

    static String of(String reference) {
        ReferencePage rendering = new ReferencePage();
        Iterator<String> lines = reference.lines().iterator();
        while (lines.hasNext()) {
            rendering.add(lines.next().strip());
        }
        rendering.flush();
        return rendering.page.toString();
    }

    private void add(String line) {
        Matcher section = SECTION.matcher(line);
        Matcher setting = SETTING.matcher(line);
        if (line.isEmpty()) {
            flush();
        } else if (line.startsWith("#")) {
            if (!settings.isEmpty()) {
                flush();
            }
            comment.add(line.length() > 1 ? line.substring(2) : "");
        } else if (section.matches()) {
            boolean freeForm = section.group(2) != null;
            if (freeForm) {
                settings.add("`" + at(section.group(1)) + " { … }`");
            } else {
                flushSettings();
                path.addLast(section.group(1));
                if (!comment.isEmpty()) {
                    page.append(headed ? "### " : "## ").append(at("")).append("\n\n");
                    headed = true;
                }
                flush();
            }
        } else if (line.equals("}")) {
            flush();
            path.removeLast();
            headed &= !path.isEmpty();
        } else if (setting.matches()) {
            settings.add("`" + at(setting.group(1)) + " = " + setting.group(2) + "`");
        } else {
            throw new IllegalArgumentException("reference.conf should not have this line: " + line);
        }
    }

    /** Ends what the comment was about. */
    private void flush() {
        flushSettings();
        if (!comment.isEmpty()) {
            describe("");
            page.append('\n');
        }
    }

    private void flushSettings() {
        if (settings.isEmpty()) {
            return;
        }
        page.append("- ").append(String.join("<br>\n  ", settings)).append("\n\n");
        settings.clear();
        describe("  ");
        page.append('\n');
    }

    /** Indented lines of a comment are laid out by hand and stay so. */
    private void describe(String indent) {
        boolean fenced = false;
        for (String line : comment) {
            boolean laidOut = line.startsWith("  ");
            if (laidOut != fenced) {
                page.append(indent).append(laidOut ? "```text\n" : "```\n");
                fenced = laidOut;
            }
            if (line.isEmpty()) {
                page.append('\n');
            } else {
                page.append(indent)
                        .append(laidOut ? line.substring(2) : escape(line))
                        .append('\n');
            }
        }
        if (fenced) {
            page.append(indent).append("```\n");
        }
        comment.clear();
    }

    private String at(String key) {
        String parents = String.join(".", path);
        return key.isEmpty() ? parents : parents + "." + key;
    }

    private static String escape(String line) {
        return line.replace("*", "\\*").replace("<", "\\<").replaceAll("_(?=\\w*_)", "\\\\_");
    }
}
