package io.outboxrelay.relay.command;

import java.util.Locale;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code completion}: prints what makes a shell complete the command line. */
@Command(
        name = "completion",
        description = {
            "Print a script that makes a shell complete commands and options.",
            "",
            "For the current shell: source <(outbox-relay completion bash)"
        })
final class CompletionCommand implements Runnable, Quiet {

    enum Shell {
        BASH,
        ZSH;

        /** As it is written on the command line. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}. The script is the same for both.")
    private Shell shell;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        String script = AutoComplete.bash("outbox-relay", spec.root().commandLine());
        spec.commandLine().getOut().print("# For " + shell + ".\n" + script);
        spec.commandLine().getOut().flush();
    }
}
