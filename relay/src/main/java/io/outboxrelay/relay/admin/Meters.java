package io.outboxrelay.relay.admin;

import java.util.Optional;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;

/** What the metrics tell, by the names that are documented. Empty or {@code NaN} where there is no such metric. */
final class Meters {

    private static final String PREFIX = "outbox.relay.";

    private final MeterRegistry registry;

    Meters(MeterRegistry registry) {
        this.registry = registry;
    }

    /** The sum over all that has this name. */
    double total(String name) {
        return registry.find(PREFIX + name).meters().stream()
                .mapToDouble(Meters::value)
                .reduce(Double::sum)
                .orElse(Double.NaN);
    }

    /** Which value of a tag has a gauge of 1; empty if none has. */
    Optional<String> which(String name, String tag) {
        return registry.find(PREFIX + name).gauges().stream()
                .filter(gauge -> gauge.value() == 1)
                .map(gauge -> gauge.getId().getTag(tag))
                .findFirst();
    }

    private static double value(Meter meter) {
        if (meter instanceof FunctionCounter counter) {
            return counter.count();
        }
        if (meter instanceof Counter counter) {
            return counter.count();
        }
        return meter instanceof Gauge gauge ? gauge.value() : Double.NaN;
    }
}
