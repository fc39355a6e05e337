package io.outboxrelay.relay.command;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.relay.config.RelayConfigReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code health}: asks the relay that runs beside it, for what can run a command and not an HTTP request. */
@Command(
        name = "health",
        description = {
            "Ask the relay that runs on this machine with this configuration how it is, such as for a container's"
                    + " HEALTHCHECK.",
            "",
            "It is ready if it does its work or stands by to; it is live unless only a restart helps."
        },
        exitCodeList = {"0:yes", "1:no, or nobody answers", "2:bad usage, or the configuration is wrong"})
final class HealthCommand implements Callable<Integer>, Quiet {

    private static final int OK = 200;

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    @Option(names = "--live", description = "Ask whether it is live, not whether it is ready.")
    private boolean live;

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    HealthCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        AdminPort port = new AdminPort(reader.readAdmin(config.file()));
        String question = live ? "live" : "ready";
        if (!port.obstacle().isEmpty()) {
            return tell(question, false, JsonText.object().put("reason", port.obstacle()));
        }
        try {
            AdminPort.Answer answer = port.get("/health/" + question);
            return tell(question, answer.status() == OK, status(answer));
        } catch (IOException e) {
            return tell(question, false, JsonText.object().put("reason", e.getMessage()));
        }
    }

    private int tell(String question, boolean yes, JsonNode status) {
        PrintWriter out = spec.commandLine().getOut();
        if (output.isJson()) {
            ObjectNode node = JsonText.object();
            node.put(question, yes);
            if (status instanceof ObjectNode fields) {
                node.setAll(fields);
            }
            out.println(JsonText.of(node));
        } else {
            out.println((yes ? "" : "not ") + question + StateText.of(status));
        }
        return yes ? ExitCode.FINE : ExitCode.FAILED;
    }

    private static JsonNode status(AdminPort.Answer answer) {
        try {
            return JsonText.parse(answer.body());
        } catch (JsonProcessingException e) {
            return JsonText.object()
                    .put("reason", "the answer, with status " + answer.status() + ", is not that of a relay");
        }
    }
}
