package io.outboxrelay.relay;

import java.util.List;
import java.util.stream.Collectors;

import io.outboxrelay.api.Finding;

/** Source or broker cannot work as they are set up. */
final class UnfitException extends Exception {

    private static final long serialVersionUID = 1L;

    UnfitException(List<Finding> errors) {
        super(errors.stream().map(Finding::toString).collect(Collectors.joining(" | ")));
    }
}
