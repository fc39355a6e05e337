package io.outboxrelay.api;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** A broker whose settings are read. */
public interface BrokerFactory {

    /**
     * Looks whether the broker can be reached and could take messages, and changes nothing.
     *
     * @param destinations those that are known before the first event; others come from templates
     * @throws IOException if the broker cannot be asked; waiting may mend it
     */
    List<Finding> check(Set<String> destinations) throws IOException, InterruptedException;

    /**
     * The files that a broker reads when it is opened, and that may be replaced while it is open, such as certificates, keys
     * and passwords. When one of them changes, the relay opens another broker in the place of the open one.
     */
    default Set<Path> files() {
        return Set.of();
    }

    /** Opens a broker. It may be unreachable still: then its first message fails with <em>not yet</em>. */
    Broker open();
}
