package io.outboxrelay.relay.command;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

import static org.assertj.core.api.Assertions.assertThat;

class ProgramCommandTest {

    @TempDir
    private Path directory;

    @Test
    void whateverPrintsSomethingPrintsJsonToo() {
        assertThat(leaves(ProgramCommand.commandLine())
                        .filter(command -> !List.of("run", "completion").contains(command.getCommandName())))
                .allSatisfy(command -> assertThat(command.getCommandSpec().findOption("--output"))
                        .as("--output of %s", command.getCommandSpec().qualifiedName())
                        .isNotNull());
    }

    @Test
    void noOptionTakesAPassword() {
        assertThat(leaves(ProgramCommand.commandLine())
                        .flatMap(command -> command.getCommandSpec().options().stream())
                        .map(OptionSpec::longestName)
                        .filter(name -> name.contains("password") || name.contains("secret") || name.contains("token")))
                .allMatch(name -> name.endsWith("-file"));
    }

    @Test
    void versionNamesTheLibrariesThatMatter() {
        JsonNode json = Terminal.run("version", "--output", "json").json();

        assertThat(json.path("java").textValue()).isEqualTo(Runtime.version().toString());
        assertThat(json.path("postgresDriver").textValue()).matches("42\\..*");
        assertThat(json.path("debezium").textValue()).matches("\\d+\\..*");
        assertThat(json.path("kafkaClients").textValue()).matches("\\d+\\..*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh"})
    void aShellUnderstandsTheCompletion(String shell) throws Exception {
        Terminal completion = Terminal.run("completion", shell);
        Path script = Files.writeString(directory.resolve("completion"), completion.out());

        Process bash = new ProcessBuilder(
                        "bash", "-c", "source " + script + " && complete -p outbox-relay && grep -q redrive " + script)
                .redirectErrorStream(true)
                .start();

        assertThat(completion.exitCode()).isZero();
        String said = new String(bash.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(bash.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(bash.exitValue()).as(said).isZero();
    }

    @Test
    void aConfigurationThatIsWrongIsAFindingForPrograms() throws Exception {
        Path file = Files.writeString(directory.resolve("relay.conf"), "delivery.max-in-flight = lots\n");

        Terminal check = Terminal.run("check", "--config", file.toString(), "--output", "json");

        assertThat(check.exitCode()).isEqualTo(2);
        assertThat(check.json().path("result").textValue()).isEqualTo("error");
        assertThat(check.json().path("findings"))
                .anyMatch(finding -> finding.path("subject").textValue().equals("delivery.max-in-flight")
                        && finding.path("code").textValue().startsWith("OR-"));
    }

    @Test
    void findingsSayWhatMendsThemAndWhatTheyComeTo() {
        assertThat(printed(Finding.ok("wal_level", "logical"))).isEqualTo("""
                ok       wal_level: logical.

                All is ok.
                """);
        assertThat(printed(
                        Finding.ok("wal_level", "logical"),
                        Finding.warning(Code.SLOT_UNLIMITED, "max_slot_wal_keep_size", "is unlimited.", "Set it.")))
                .isEqualTo("""
                        ok       wal_level: logical.
                        warning  OR-3208 max_slot_wal_keep_size: is unlimited.
                                 Remedy: Set it.

                        The relay can work. 1 warning.
                        """);
        assertThat(printed(
                        Finding.error(Code.WAL_LEVEL, "wal_level", "is replica", "Set it."),
                        Finding.warning(Code.SLOT_UNLIMITED, "max_slot_wal_keep_size", "is unlimited.", "")))
                .endsWith("\nThe relay cannot work. 1 error, 1 warning.\n");
    }

    private static String printed(Finding... findings) {
        java.io.StringWriter out = new java.io.StringWriter();
        new FindingPrinter(
                        new java.io.PrintWriter(out),
                        false,
                        CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF))
                .print(List.of(findings));
        return out.toString();
    }

    private static Stream<CommandLine> leaves(CommandLine command) {
        return command.getSubcommands().isEmpty()
                ? Stream.of(command)
                : command.getSubcommands().values().stream().flatMap(ProgramCommandTest::leaves);
    }
}
