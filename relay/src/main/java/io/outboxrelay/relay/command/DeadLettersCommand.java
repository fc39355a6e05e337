package io.outboxrelay.relay.command;

import java.sql.SQLException;
import java.util.List;
import java.util.Locale;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.OutboxDatabase;
import io.outboxrelay.relay.OperatorRequests;
import io.outboxrelay.relay.config.ConfigurationException;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.deadletter.DeadLetter.Wish;
import io.outboxrelay.relay.deadletter.LetterDesk;
import io.outboxrelay.relay.deadletter.LetterDesk.Summary;
import io.outboxrelay.relay.delivery.HeaderNames;
import io.outboxrelay.relay.ops.OutboxPool;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code dead-letters}: the operator's word about rejected events, whether the relay halts before them or put them aside. */
@Command(
        name = "dead-letters",
        description = "Look at rejected events, and say what becomes of them.",
        exitCodeList = {"0:done, or noted", "1:there is no such event, or it failed", "2:bad usage or configuration"})
final class DeadLettersCommand implements Runnable {

    static final String NOTED = ": noted; the relay acts on it within seconds";

    /** What is done at a place of work; returns the exit code. */
    interface Work<P> {
        int at(P place) throws SQLException;
    }

    private final RelayConfigReader reader;

    @Spec
    private CommandSpec spec;

    DeadLettersCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "Missing command: list, show, redrive or discard; retry or skip where the relay halts");
    }

    @Command(name = "retry", description = "Halted: try the event once more.")
    int retry(
            @Mixin ConfigOption config,
            @Mixin OutputOption output,
            @Parameters(paramLabel = "ID", description = "The event's id.") String id)
            throws ConfigurationException, SQLException {
        return say(config, output, id, OperatorRequests.Action.RETRY);
    }

    @Command(name = "skip", description = "Halted: leave the event unsent and go on with those behind it.")
    int skip(
            @Mixin ConfigOption config,
            @Mixin OutputOption output,
            @Parameters(paramLabel = "ID", description = "The event's id.") String id)
            throws ConfigurationException, SQLException {
        return say(config, output, id, OperatorRequests.Action.SKIP);
    }

    @Command(name = "list", description = "List what is put aside, in order.")
    int list(
            @Mixin ConfigOption config,
            @Mixin OutputOption output,
            @Option(
                            names = "--limit",
                            paramLabel = "N",
                            defaultValue = "100",
                            description = "How many to list at most. Default: ${DEFAULT-VALUE}.")
                    int limit)
            throws ConfigurationException, SQLException {
        if (limit < 1) {
            throw new ParameterException(spec.commandLine(), "--limit is " + limit + "; allowed: 1 and more");
        }
        return at(config, desk -> {
            printer(output).list(desk.list(limit), desk.counts());
            return ExitCode.FINE;
        });
    }

    @Command(name = "show", description = "Show an event that is put aside, without its content.")
    int show(
            @Mixin ConfigOption config,
            @Mixin OutputOption output,
            @Option(
                            names = "--payload",
                            description = "Show the content too: the payload and the values of the headers.")
                    boolean payload,
            @Parameters(paramLabel = "ID", description = "The event's id.") String id)
            throws ConfigurationException, SQLException {
        return at(config, desk -> {
            List<Summary> found = desk.find(id);
            for (Summary summary : found) {
                if (payload) {
                    printer(output).content(summary, desk.payload(summary.letter()));
                } else {
                    printer(output)
                            .show(summary, HeaderNames.of(summary.letter().event()));
                }
            }
            return found.isEmpty() ? noSuch(id) : ExitCode.FINE;
        });
    }

    @Command(
            name = "discard",
            description = "Delete an event that is put aside; it stays unsent. What is parked behind it stays parked.")
    int discard(
            @Mixin ConfigOption config,
            @Mixin OutputOption output,
            @Parameters(paramLabel = "ID", description = "The event's id.") String id)
            throws ConfigurationException, SQLException {
        return at(config, desk -> {
            int noted = desk.discard(id).wished();
            if (noted > 0) {
                printer(output).wished(Wish.DISCARD, noted, "discard " + id + NOTED);
            }
            return noted == 0 ? noSuch(id) : ExitCode.FINE;
        });
    }

    /** Does something with what is put aside. */
    int at(ConfigOption config, Work<LetterDesk> work) throws ConfigurationException, SQLException {
        return connected(config, database -> work.at(new LetterDesk(database)));
    }

    /** Reads the configuration and connects. */
    private int connected(ConfigOption config, Work<OutboxDatabase> work) throws ConfigurationException, SQLException {
        RelayConfig relay = reader.read(config.file());
        try (OutboxPool pool = OutboxPool.open(relay.database(), relay.outbox(), relay.afterDelivery())) {
            pool.probe();
            return work.at(pool.database());
        }
    }

    DeadLetterPrinter printer(OutputOption output) {
        return new DeadLetterPrinter(spec.commandLine().getOut(), output.isJson());
    }

    int noSuch(String id) {
        return fail(Code.DEAD_LETTER_UNKNOWN, "no event " + id + " is put aside");
    }

    int fail(Code code, String why) {
        spec.commandLine().getErr().println("outbox-relay: " + code + " " + why);
        return ExitCode.FAILED;
    }

    private int say(ConfigOption config, OutputOption output, String id, OperatorRequests.Action action)
            throws ConfigurationException, SQLException {
        if (id.isBlank()) {
            throw new ParameterException(spec.commandLine(), "the event's id is empty");
        }
        return connected(config, database -> {
            new OperatorRequests(database).say(id, action);
            String name = action.name().toLowerCase(Locale.ROOT);
            printer(output)
                    .noted(
                            name,
                            id,
                            name + " " + id
                                    + ": noted; a relay that halts before this event acts on it within seconds");
            return ExitCode.FINE;
        });
    }
}
