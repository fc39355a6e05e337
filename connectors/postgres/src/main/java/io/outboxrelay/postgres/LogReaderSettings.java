package io.outboxrelay.postgres;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Pattern;

import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Settings;

/**
 * What the sections of all sources that read the log have in common; what each setting means stands in their
 * {@code reference.conf}.
 *
 * @param log slot and hand-over
 * @param publication the publication that the log is filtered by
 * @param positionInterval the shortest time between two writes of the position
 * @param progressTimeout how long the stream may stand still
 * @param auditAfter how long a committed row may stay behind the position before it counts as missed
 */
public record LogReaderSettings(
        LogSettings log, String publication, Duration positionInterval, Duration progressTimeout, Duration auditAfter) {

    /** What Postgres allows in a slot name. */
    private static final Pattern NAME = Pattern.compile("[a-z0-9_]{1,63}");

    /**
     * Reads what is common of a section; what is wrong with it is left there.
     *
     * @param publication as that source allows it
     */
    public static LogReaderSettings of(Settings settings, AfterDelivery afterDelivery, String publication) {
        ExistingRows existing = settings.choice("existing-rows", ExistingRows.class);
        if (existing != ExistingRows.PUBLISH && afterDelivery.tableIsQueue()) {
            settings.problem(
                    Code.CONFIG_CONTRADICTION,
                    "existing-rows",
                    "is " + existing.name().toLowerCase(Locale.ROOT)
                            + "; allowed: publish, unless outbox.after-delivery = keep. What is in the table is what is"
                            + " unsent: delete the rows that are not to be sent");
        }
        return new LogReaderSettings(
                new LogSettings(
                        plainName(settings, "slot"), settings.flag("create-slot"), settings.flag("failover"), existing),
                publication,
                settings.duration("position-interval", Duration.ofMillis(10), Duration.ofSeconds(10)),
                settings.duration("progress-timeout", Duration.ofSeconds(5), Duration.ofHours(1)),
                settings.duration("audit-after", Duration.ofSeconds(1), Duration.ofDays(1)));
    }

    /** Reads a name that needs no quoting anywhere. */
    public static String plainName(Settings settings, String key) {
        String name = settings.text(key);
        if (!NAME.matcher(name).matches()) {
            settings.problem(key, "is \"" + name + "\"; allowed: up to 63 lower-case letters, digits and underscores");
        }
        return name;
    }

    /** The replication slot's name. */
    public String slot() {
        return log.slot();
    }
}
