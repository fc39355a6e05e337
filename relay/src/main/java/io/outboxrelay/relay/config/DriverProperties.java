package io.outboxrelay.relay.config;

import java.sql.DriverManager;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

import io.outboxrelay.api.config.Settings;

/** Checks {@code database.properties}: the driver passes over a name that it does not know, {@code sslmod} too. */
final class DriverProperties {

    private static final String ANY_URL = "jdbc:postgresql://localhost/any";

    /** Given by settings of the relay's own, or what plain SQL and replication both rest on. */
    private static final Map<String, String> REFUSED = Map.of(
            "user", "use database.user",
            "password", "use database.password",
            "PGHOST", "use database.host",
            "PGPORT", "use database.port",
            "PGDBNAME", "use database.name",
            "service", "name the database by the settings of this section",
            "replication", "the relay sets it where it is needed",
            "preferQueryMode", "the relay sets it where it is needed",
            "readOnly", "the relay writes its position",
            "logServerErrorDetail", "it would bring the content of rows into messages");

    private final Map<String, DriverPropertyInfo> known;

    private DriverProperties(Map<String, DriverPropertyInfo> known) {
        this.known = known;
    }

    static DriverProperties ofInstalledDriver() {
        try {
            DriverPropertyInfo[] all = DriverManager.getDriver(ANY_URL).getPropertyInfo(ANY_URL, new Properties());
            return new DriverProperties(
                    Arrays.stream(all).collect(Collectors.toMap(info -> info.name, Function.identity())));
        } catch (SQLException e) {
            throw new IllegalStateException("the Postgres driver is not installed", e);
        }
    }

    /** Reads the section, and notes what is wrong with it; never the value, which may be a secret. */
    Map<String, String> read(Settings database) {
        Map<String, String> properties = database.texts("properties");
        Settings section = database.section("properties");
        for (Map.Entry<String, String> property : properties.entrySet()) {
            wrong(property.getKey(), property.getValue()).ifPresent(text -> section.problem(property.getKey(), text));
        }
        return properties;
    }

    private Optional<String> wrong(String name, String value) {
        if (REFUSED.containsKey(name)) {
            return Optional.of("is not for this section: " + REFUSED.get(name));
        }
        DriverPropertyInfo info = known.get(name);
        if (info == null) {
            return Optional.of("is no property of the Postgres driver"
                    + Nearest.to(name, known.keySet())
                            .map(near -> "; did you mean \"" + near + "\"?")
                            .orElse(""));
        }
        if (info.choices != null && !Set.of(info.choices).contains(value)) {
            return Optional.of("is \"" + value + "\"; allowed: " + String.join(", ", info.choices));
        }
        return Optional.empty();
    }
}
