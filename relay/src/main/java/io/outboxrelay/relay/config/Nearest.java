package io.outboxrelay.relay.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Which known name was meant by one that is not known. */
final class Nearest {

    private Nearest() {}

    /** The known name that is spelled most alike, if one is alike enough to be worth showing. */
    static Optional<String> to(String name, Collection<String> known) {
        return known.stream()
                .filter(candidate -> distance(plain(name), plain(candidate)) <= Math.max(2, name.length() / 3))
                .filter(candidate -> distance(plain(name), plain(candidate)) < candidate.length())
                .min(Comparator.comparingInt((String candidate) -> distance(plain(name), plain(candidate)))
                        .thenComparing(Comparator.naturalOrder()));
    }

    /** {@code maxInFlight}, {@code max_in_flight} and {@code MAX.IN.FLIGHT} are {@code max-in-flight} to a reader. */
    static String plain(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1-$2")
                .replace('_', '-')
                .replace('.', '-')
                .toLowerCase(Locale.ROOT);
    }

    /** Levenshtein's distance. */
    static int distance(String from, String to) {
        int[] row = new int[to.length() + 1];
        for (int j = 0; j <= to.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= from.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }
}
