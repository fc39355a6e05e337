package io.outboxrelay.relay.command;

import java.sql.SQLException;
import java.util.concurrent.Callable;

import io.outboxrelay.api.Code;
import io.outboxrelay.relay.deadletter.DeadLetter;
import io.outboxrelay.relay.deadletter.DeadLetter.Wish;
import io.outboxrelay.relay.deadletter.LetterDesk;
import io.outboxrelay.relay.deadletter.LetterDesk.Answer;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code dead-letters redrive}: asks the relay to send what is put aside once more. */
@Command(name = "redrive", description = "Send what is put aside once more, each aggregate in order.")
final class RedriveCommand implements Callable<Integer> {

    private static final class Which {

        @Parameters(paramLabel = "ID", description = "One event; of a parked aggregate the first.")
        private String id;

        @Option(names = "--key", paramLabel = "TYPE/ID", description = "All of this aggregate.")
        private String key;

        @Option(names = "--all", description = "All.")
        private boolean all;
    }

    private final DeadLettersCommand parent;

    @Mixin
    private ConfigOption config;

    @Mixin
    private OutputOption output;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Which which;

    RedriveCommand(DeadLettersCommand parent) {
        this.parent = parent;
    }

    @Override
    public Integer call() throws Exception {
        return parent.at(config, desk -> {
            if (which.all) {
                return tell(desk.redriveAll().wished(), "redrive");
            }
            return which.key == null ? tell(desk.redrive(which.id), which.id) : tellKey(desk);
        });
    }

    private int tellKey(LetterDesk desk) throws SQLException {
        int wished = desk.redriveKey(which.key).wished();
        return wished == 0
                ? parent.fail(Code.DEAD_LETTER_UNKNOWN, "nothing of the aggregate " + which.key + " is put aside")
                : tell(wished, "redrive " + which.key);
    }

    private int tell(Answer answer, String id) {
        if (answer.before().isPresent()) {
            DeadLetter first = answer.before().get();
            return parent.fail(
                    Code.DEAD_LETTER_BEHIND,
                    id + " waits behind " + first.name() + ", and cannot go before it: redrive that one, or --key "
                            + first.key());
        }
        return answer.wished() == 0 ? parent.noSuch(id) : tell(answer.wished(), "redrive " + id);
    }

    private int tell(int wished, String what) {
        parent.printer(output)
                .wished(
                        Wish.REDRIVE,
                        wished,
                        what + ": " + wished + " event(s) noted; the relay acts on it within seconds");
        return ExitCode.FINE;
    }
}
