package io.outboxrelay.relay.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

import io.outboxrelay.relay.command.ProgramCommand;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

import static org.assertj.core.api.Assertions.assertThat;

class CommandLinePageTest {

    private static final Path PAGE = Path.of("..", "docs", "command-line.md");

    private static final int WIDTH = 100;

    private static final String INTRODUCTION = """
            <!-- Made from the help of the program itself. To make it anew:
                 mvn -q -pl relay -am test -Dtest=CommandLinePageTest -Dsurefire.failIfNoSpecifiedTests=false -Ddocs.write=true -->

            # Command line

            `bin/outbox-relay` of the distribution, with Java 17 or newer from `JAVA_HOME` or `PATH`.

            - **Exit codes.** 0: all is well. 1: a finding, or a failure at run time. 2: bad usage, or the configuration is wrong.
              Warnings of `check` do not count, unless `--strict` is given.
            - **Output.** What a command prints is on standard output; what went wrong is on standard error, one line with a
              [code](errors.md). `--output json` prints one JSON object and nothing else. New fields may be added to it; none
              is renamed or removed without a line in the changelog.
            - **Secrets** are in no output, and no option takes one.
            - **Log.** `run` logs to standard output, every other command to standard error.
            - **Completion.** `source <(outbox-relay completion bash)` in `~/.bashrc`, or the same with zsh in `~/.zshrc`.

            ## From nothing to a relay that streams

            ```
            outbox-relay config --config relay.conf --changed             # is this what was meant?
            outbox-relay init   --config relay.conf --admin-user postgres # the SQL that is missing
            outbox-relay init   --config relay.conf --admin-user postgres --apply
            outbox-relay check  --config relay.conf                       # what else is missing
            outbox-relay run    --config relay.conf
            ```

            Where only a database administrator may make tables and roles, `outbox-relay init --config relay.conf --print` is the
            script for that person. It holds no password: the role's is set by `\\password` in psql. `init --apply` gives a role that
            it makes the password of the configuration, and sends it hashed.

            `init` makes what is missing: the outbox, its publication, the relay's own tables, the relay's role with its rights, the
            role `outbox_service` for services, and what `outbox.after-delivery` asks for. Of what is there it changes nothing, but
            grants rights that a role lacks and adds the table to the publication. It makes no replication slot: the relay does, at
            its first start, so that no row is missed in between; only with `source.debezium.create-slot = false` it does. The scripts
            of [outbox-schema](schema.md) that are optional, `guard` and `notify`, are not run. With
            `outbox.after-delivery = drop-partition` the relay's role must be a member of the role that owns the outbox; `init` says
            so, and leaves it to you.

            """;

    @Test
    void thePageIsWhatTheProgramSays() throws IOException {
        String page = INTRODUCTION
                + pages(ProgramCommand.commandLine()).stream()
                        .collect(Collectors.joining("\n"))
                        .strip()
                + "\n";
        if (Boolean.getBoolean("docs.write")) {
            Files.writeString(PAGE, page);
        }
        assertThat(Files.readString(PAGE).equals(page))
                .as("docs/command-line.md is what every --help says; its first lines tell how to make it anew")
                .isTrue();
    }

    private static List<String> pages(CommandLine command) {
        List<String> pages = new ArrayList<>();
        command.setUsageHelpAutoWidth(false).setUsageHelpWidth(WIDTH);
        pages.add("## " + command.getCommandSpec().qualifiedName() + "\n\n```\n"
                + command.getUsageMessage(Ansi.OFF).replaceAll("(?m) +$", "").strip() + "\n```\n");
        command.getSubcommands().values().forEach(subcommand -> pages.addAll(pages(subcommand)));
        return pages;
    }
}
