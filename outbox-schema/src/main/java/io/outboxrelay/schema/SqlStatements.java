package io.outboxrelay.schema;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The statements of a script. Comments, texts and dollar-quoted bodies may hold semicolons. */
final class SqlStatements {

    /** What a semicolon may hide in, and a semicolon that does not. */
    private static final Pattern PIECES = Pattern.compile("--[^\\n]*|'(?:[^']|'')*'|\\$\\$.*?\\$\\$|;", Pattern.DOTALL);

    private static final Pattern BLANK_LINE = Pattern.compile("\\n\\s*\\n");

    private SqlStatements() {}

    static List<String> of(String script) {
        List<String> statements = new ArrayList<>();
        Matcher piece = PIECES.matcher(script);
        int begin = 0;
        while (piece.find()) {
            if (piece.group().equals(";")) {
                statements.add(
                        withItsComment(script.substring(begin, piece.end()).strip()));
                begin = piece.end();
            }
        }
        return List.copyOf(statements);
    }

    /** Without comments that a blank line parts from the statement: they are about the script. */
    private static String withItsComment(String statement) {
        int code = 0;
        while (statement.startsWith("--", code) || statement.startsWith("\n", code)) {
            code = statement.indexOf('\n', code) + 1;
        }
        Matcher blank = BLANK_LINE.matcher(statement).region(0, code);
        int begin = 0;
        while (blank.find()) {
            begin = blank.end();
        }
        return statement.substring(begin);
    }
}
