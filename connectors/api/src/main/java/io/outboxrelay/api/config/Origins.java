package io.outboxrelay.api.config;

import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.typesafe.config.ConfigOrigin;

/** Where a value of the configuration was written, for people. */
public final class Origins {

    /** A section that several places add to is described as {@code merge of /etc/relay.conf: 3,reference.conf @ …: 12}. */
    private static final Pattern MERGED = Pattern.compile("merge of ([^,:@]+): (\\d+)[,-].*");

    private Origins() {}

    /** {@code outbox-relay.conf:12}, or how the origin describes itself where there is no file. */
    public static String show(ConfigOrigin origin) {
        Matcher merged = MERGED.matcher(origin.description());
        if (merged.matches()) {
            return Path.of(merged.group(1)).getFileName() + ":" + merged.group(2);
        }
        if (origin.filename() == null) {
            return origin.lineNumber() > 0 && origin.resource() != null
                    ? origin.resource() + ":" + origin.lineNumber()
                    : origin.description();
        }
        Path file = Path.of(origin.filename()).getFileName();
        return origin.lineNumber() > 0 ? file + ":" + origin.lineNumber() : String.valueOf(file);
    }
}
