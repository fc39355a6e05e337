package io.outboxrelay.relay.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import io.outboxrelay.api.config.Settings;

/**
 * Who may do what at the admin port.
 *
 * @param token what gives every right; empty: no token does
 * @param users names and passwords that give every right; without any, no name does
 * @param protectReading whether reading, too, is for those alone
 * @param names host names under which the port is asked, besides addresses and {@code localhost}
 */
public record AdminAccess(
        Optional<String> token, Map<String, String> users, boolean protectReading, Set<String> names) {

    /** Reading for everybody, actions for nobody. */
    public static final AdminAccess READING = new AdminAccess(Optional.empty(), Map.of(), false, Set.of());

    private static final int SHORTEST_SECRET = 16;

    private static final String ALLOWED = SHORTEST_SECRET + " or more visible ASCII characters";

    /** Copies what it is given. */
    public AdminAccess {
        users = Map.copyOf(users);
        names = Set.copyOf(names);
    }

    static AdminAccess read(Settings section) {
        Optional<String> token = section.secret("token");
        if (token.isPresent() && !isSecret(token.get())) {
            section.problem("token", "is no token; allowed: " + ALLOWED);
        }
        Map<String, String> users = users(section);
        boolean protectReading = section.flag("protect-reading");
        if (protectReading && token.isEmpty() && users.isEmpty()) {
            section.problem("protect-reading", "is \"true\", and nobody could read; set token or users-file");
        }
        return new AdminAccess(token, users, protectReading, Set.copyOf(section.textList("names")));
    }

    /** Whether there is anybody who may act. */
    public boolean allowsActions() {
        return token.isPresent() || !users.isEmpty();
    }

    /** Tells no secret. */
    @Override
    public String toString() {
        return (token.isPresent() ? "a token" : "no token") + ", " + users.size() + " user(s)"
                + (protectReading ? ", reading protected" : "") + ", names " + names;
    }

    private static Map<String, String> users(Settings section) {
        Map<String, String> users = new LinkedHashMap<>();
        Optional<String> file = section.optionalText("users-file");
        if (file.isEmpty()) {
            return users;
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(Path.of(file.get()));
        } catch (IOException | RuntimeException e) {
            section.problem(
                    "users-file",
                    "cannot read " + file.get() + " (" + e.getClass().getSimpleName() + ")");
            return users;
        }
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            int colon = line.indexOf(':');
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            // What stands there may be a secret, and is not repeated.
            if (colon < 1 || !isSecret(line.substring(colon + 1))) {
                section.problem(
                        "users-file",
                        "line " + (i + 1) + " of " + file.get() + " is no user; allowed: NAME:PASSWORD, a password of "
                                + ALLOWED);
            } else if (users.put(line.substring(0, colon), line.substring(colon + 1)) != null) {
                section.problem("users-file", "line " + (i + 1) + " of " + file.get() + " names a user a second time");
            }
        }
        return users;
    }

    private static boolean isSecret(String text) {
        return text.length() >= SHORTEST_SECRET && text.chars().allMatch(c -> c > ' ' && c < 127);
    }
}
