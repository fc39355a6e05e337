package io.outboxrelay.relay;

import java.sql.SQLException;
import java.util.Locale;

import io.outboxrelay.relay.config.ConfigurationException;
import io.outboxrelay.relay.config.RelayConfig;
import io.outboxrelay.relay.config.RelayConfigReader;
import io.outboxrelay.relay.ops.OutboxPool;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code dead-letters}: the operator's word about an event before which the relay halts. */
@Command(
        name = "dead-letters",
        description = "Say what becomes of an event before which the relay halts.",
        mixinStandardHelpOptions = true)
final class DeadLettersCommand implements Runnable {

    private final RelayConfigReader reader;

    @Spec
    private CommandSpec spec;

    DeadLettersCommand(RelayConfigReader reader) {
        this.reader = reader;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "Missing command: retry ID or skip ID");
    }

    @Command(name = "retry", description = "Try the event once more.", mixinStandardHelpOptions = true)
    int retry(@Mixin ConfigOption config, @Parameters(paramLabel = "ID", description = "The event's id.") String id)
            throws ConfigurationException, SQLException {
        return say(config, id, OperatorRequests.Action.RETRY);
    }

    @Command(
            name = "skip",
            description = "Leave the event unsent and go on with those behind it.",
            mixinStandardHelpOptions = true)
    int skip(@Mixin ConfigOption config, @Parameters(paramLabel = "ID", description = "The event's id.") String id)
            throws ConfigurationException, SQLException {
        return say(config, id, OperatorRequests.Action.SKIP);
    }

    private int say(ConfigOption config, String id, OperatorRequests.Action action)
            throws ConfigurationException, SQLException {
        if (id.isBlank()) {
            throw new ParameterException(spec.commandLine(), "the event's id is empty");
        }
        RelayConfig relay = reader.read(config.file());
        try (OutboxPool pool = OutboxPool.open(relay.database(), relay.outbox())) {
            pool.probe();
            new OperatorRequests(pool.database()).say(id, action);
        }
        spec.commandLine()
                .getOut()
                .println(action.name().toLowerCase(Locale.ROOT) + " " + id
                        + ": noted; a relay that halts before this event acts on it within seconds");
        return Main.FINE;
    }
}
