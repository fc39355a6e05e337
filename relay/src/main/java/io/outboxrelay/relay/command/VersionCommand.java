package io.outboxrelay.relay.command;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.relay.ops.Version;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code version}: which one this is, on which Java it runs, and with which libraries. */
@Command(name = "version", description = "Print the version, and those of Java and of the libraries that matter.")
final class VersionCommand implements Callable<Integer>, Quiet {

    private static final List<String> JARS = List.of("postgresql", "debezium-embedded", "kafka-clients");

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Map<String, String> found = Version.ofJars(JARS);
        if (output.isJson()) {
            ObjectNode node = JsonText.object();
            node.put("version", Version.number().orElse(null));
            node.put("java", Runtime.version().toString());
            node.put("postgresDriver", found.get("postgresql"));
            node.put("debezium", found.get("debezium-embedded"));
            node.put("kafkaClients", found.get("kafka-clients"));
            spec.commandLine().getOut().println(JsonText.of(node));
            return ExitCode.FINE;
        }
        spec.commandLine().getOut().println(Version.text() + " (Java " + Runtime.version() + ")");
        found.forEach((jar, version) -> spec.commandLine().getOut().println("  " + jar + " " + version));
        return ExitCode.FINE;
    }
}
