package io.outboxrelay.relay.command;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.relay.config.EffectiveSetting;
import io.outboxrelay.relay.config.RelayConfigReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code config}: what holds, and who said so. */
@Command(
        name = "config",
        description = {
            "Show the configuration as it holds: every setting, its value, and where that comes from.",
            "",
            "Values that may be secrets are hidden. A configuration that is wrong is shown too, before what is wrong"
                    + " with it."
        },
        exitCodeList = {"0:shown", "2:bad usage, or the configuration is wrong"})
final class ConfigCommand implements Callable<Integer>, Quiet {

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    @Option(names = "--changed", description = "Leave out what is as it is by default.")
    private boolean changed;

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    ConfigCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        List<EffectiveSetting> settings = reader.effective(config.file()).stream()
                .filter(setting -> !changed || !setting.isDefault())
                .toList();
        if (output.isJson()) {
            json(settings);
        } else {
            text(settings);
        }
        reader.read(config.file());
        return ExitCode.FINE;
    }

    private void text(List<EffectiveSetting> settings) {
        PrintWriter out = spec.commandLine().getOut();
        int widest = settings.stream()
                .map(ConfigCommand::assignment)
                .mapToInt(String::length)
                .filter(width -> width <= 72)
                .max()
                .orElse(0);
        for (EffectiveSetting setting : settings) {
            String assignment = assignment(setting);
            out.println(assignment + " ".repeat(Math.max(0, widest - assignment.length())) + "  # " + setting.origin());
        }
        out.flush();
    }

    private void json(List<EffectiveSetting> settings) throws JsonProcessingException {
        ObjectNode node = JsonText.object();
        ObjectNode all = node.putObject("settings");
        for (EffectiveSetting setting : settings) {
            ObjectNode one = all.putObject(setting.path());
            if (setting.isSecret()) {
                one.putNull("value");
            } else {
                one.set("value", JsonText.parse(setting.value()));
            }
            one.put("secret", setting.isSecret());
            one.put("default", setting.isDefault());
            one.put("origin", setting.origin());
        }
        spec.commandLine().getOut().println(JsonText.of(node));
        spec.commandLine().getOut().flush();
    }

    private static String assignment(EffectiveSetting setting) {
        return setting.path() + " = " + setting.value();
    }
}
