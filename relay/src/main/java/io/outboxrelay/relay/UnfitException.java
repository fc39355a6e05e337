package io.outboxrelay.relay;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import io.outboxrelay.api.Code;
import io.outboxrelay.api.Coded;
import io.outboxrelay.api.Finding;

/** Source or broker cannot work as they are set up. The message stands behind the code of the first error. */
final class UnfitException extends Exception implements Coded {

    private static final long serialVersionUID = 1L;

    private final Code code;

    /** @param errors what keeps them from it; at least one */
    UnfitException(List<Finding> errors) {
        super(Stream.concat(
                        errors.stream().limit(1).map(Finding::line),
                        errors.stream().skip(1).map(Finding::toString))
                .collect(Collectors.joining(" | ")));
        this.code = errors.get(0).code().orElseThrow();
    }

    @Override
    public Code code() {
        return code;
    }
}
