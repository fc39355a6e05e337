package io.outboxrelay.relay.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.postgres.OutboxSetup;
import io.outboxrelay.postgres.SetupStep;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.ops.DatabaseFailure;
import io.outboxrelay.relay.ops.OutboxPool;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code init}: shows the SQL that the database lacks, and with {@code --apply} runs it. */
@Command(
        name = "init",
        description = {
            "Show the SQL that the database lacks, and with --apply run it.",
            "",
            "That is the outbox, its publication, the relay's own tables, the role that database.user names, and a role"
                    + " for services. What is there is left as it is, so this may be run again at any time. All statements"
                    + " run in one transaction.",
            "",
            "The password of --admin-user comes from --admin-password-file, else from the environment variable "
                    + InitCommand.PASSWORD_VARIABLE + "; else it is asked for on a terminal."
        },
        exitCodeList = {
            "0:shown, or done; or nothing is missing",
            "1:the database cannot be asked, or refused; nothing was changed",
            "2:bad usage, or the configuration is wrong"
        })
final class InitCommand implements Callable<Integer> {

    static final String PASSWORD_VARIABLE = "OUTBOX_RELAY_ADMIN_PASSWORD";

    private static final class What {

        @Option(names = "--apply", description = "Run what is missing.")
        private boolean apply;

        @Option(
                names = "--print",
                description = "Print all that an empty database needs, as a script for psql. Connects to nothing.")
        private boolean print;
    }

    private final RelayConfigReader reader;

    @Mixin
    private ConfigOption config;

    @ArgGroup
    private What what = new What();

    @Option(
            names = "--admin-user",
            paramLabel = "ROLE",
            description = "Who connects: a superuser, or a role that may make tables, publications and roles."
                    + " By default the relay's own role.")
    private String adminUser;

    @Option(
            names = "--admin-password-file",
            paramLabel = "FILE",
            description = "A file whose first line is the password of --admin-user.")
    private Path adminPasswordFile;

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    InitCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public Integer call() throws Exception {
        RelayConfig relay = reader.read(config.file());
        OutboxSetup setup = new OutboxSetup(
                relay.outbox(),
                relay.afterDelivery(),
                relay.source().primary(),
                relay.database().user(),
                relay.database().password());
        SetupPrinter printer = new SetupPrinter(spec.commandLine().getOut(), output.isJson(), setup.searchPath());
        try {
            if (what.print) {
                printer.script(setup.all(), setup.notes(Optional.empty()), relay);
                return ExitCode.FINE;
            }
            DatabaseAddress admin = admin(relay.database());
            try (Connection connection = connect(admin)) {
                return what.apply ? apply(setup, connection, printer, admin) : show(setup, connection, printer, admin);
            }
        } catch (UnsupportedOperationException e) {
            throw new RefusedException(Code.OUTBOX_NOT_FOUND, e.getMessage(), e);
        }
    }

    private static int show(OutboxSetup setup, Connection connection, SetupPrinter printer, DatabaseAddress admin)
            throws SQLException {
        printer.missing(setup.missing(connection), setup.notes(Optional.of(connection)), admin);
        return ExitCode.FINE;
    }

    private static int apply(OutboxSetup setup, Connection connection, SetupPrinter printer, DatabaseAddress admin)
            throws SQLException, RefusedException {
        List<SetupStep> steps = setup.missing(connection);
        SetupStep[] last = new SetupStep[1];
        try {
            setup.apply(connection, steps, step -> {
                last[0] = step;
                printer.running(step);
            });
        } catch (SQLException e) {
            boolean kept = last[0] != null && last[0].kind() == SetupStep.Kind.AFTERWARDS;
            DatabaseFailure failure = DatabaseFailure.of(e);
            throw new RefusedException(
                    failure.code(),
                    (last[0] == null ? "" : last[0].what() + ": ") + failure.text() + ". "
                            + (kept ? "All before it is done" : "Nothing was changed")
                            + "; --admin-user names who may, --print makes a script for them",
                    e);
        }
        printer.done(steps, setup.notes(Optional.of(connection)), admin);
        return ExitCode.FINE;
    }

    private DatabaseAddress admin(DatabaseAddress relay) throws IOException {
        if (adminUser == null) {
            if (adminPasswordFile != null) {
                throw new ParameterException(spec.commandLine(), "--admin-password-file needs --admin-user");
            }
            return relay;
        }
        return new DatabaseAddress(
                relay.host(),
                relay.port(),
                relay.name(),
                adminUser,
                adminPassword(relay),
                relay.properties(),
                relay.timeouts());
    }

    private String adminPassword(DatabaseAddress relay) throws IOException {
        if (adminPasswordFile != null) {
            return firstLine(adminPasswordFile);
        }
        String ofEnvironment = System.getenv(PASSWORD_VARIABLE);
        if (ofEnvironment != null) {
            return ofEnvironment;
        }
        if (adminUser.equals(relay.user())) {
            return relay.password();
        }
        return Optional.ofNullable(System.console())
                .map(console -> console.readPassword("Password of %s: ", adminUser))
                .map(String::new)
                .orElse("");
    }

    private String firstLine(Path file) throws IOException {
        try (var lines = Files.lines(file)) {
            return lines.findFirst().orElse("");
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new IOException("--admin-password-file: cannot read " + file, e);
        }
    }

    private Connection connect(DatabaseAddress admin) throws RefusedException {
        try {
            return OutboxPool.connect(admin);
        } catch (SQLException e) {
            DatabaseFailure failure = DatabaseFailure.of(e);
            boolean unreachable = failure.waitingMends();
            throw new RefusedException(
                    failure.code(),
                    admin.user() + " cannot connect: "
                            + (unreachable
                                    ? failure.toString()
                                    : failure.text() + ". Remedy: name who may with --admin-user, and give the password"
                                            + " as 'outbox-relay init --help' says; or have --print's script run"),
                    e);
        }
    }

    /** What the database, or the way to it, did not allow. */
    private static final class RefusedException extends Exception implements Coded {

        private static final long serialVersionUID = 1L;

        private final Code code;

        RefusedException(Code code, String message, Exception cause) {
            super(message, cause);
            this.code = code;
        }

        @Override
        public Code code() {
            return code;
        }
    }
}
