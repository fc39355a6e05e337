package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine;

/**
 * What a command came to in this process.
 *
 * @param exitCode how the program would end
 * @param out what it printed
 * @param err what it said was wrong
 */
record Terminal(int exitCode, String out, String err) {

    static Terminal run(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine commandLine = ProgramCommand.commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
        int exitCode = commandLine.execute(arguments);
        return new Terminal(exitCode, out.toString(), err.toString());
    }

    List<String> lines() {
        return out.lines().toList();
    }

    JsonNode json() {
        try {
            return JsonText.parse(out);
        } catch (JsonProcessingException e) {
            throw new AssertionError("this is no JSON:\n" + out, e);
        }
    }
}
