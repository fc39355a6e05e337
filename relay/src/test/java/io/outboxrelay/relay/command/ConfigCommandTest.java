package io.outboxrelay.relay.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class ConfigCommandTest {

    private static final String MINIMUM = """
            database { name = shop, user = relay, password = "hunter2-hunter2" }
            broker.kafka { bootstrap-servers = "kafka:9092" }
            """;

    @TempDir
    private Path directory;

    @Test
    void everySettingHasItsValueAndItsOrigin() throws Exception {
        Terminal config = config(MINIMUM + "delivery.max-in-flight = 7\n");

        assertThat(config.exitCode()).isZero();
        assertThat(config.lines())
                .anyMatch(line -> line.matches("delivery\\.max-in-flight = 7 +# relay\\.conf:3"))
                .anyMatch(line ->
                        line.matches("outbox\\.table = \"outbox\" +# default of relay \\(reference\\.conf:\\d+\\)"))
                .anyMatch(
                        line -> line.matches(
                                "source\\.debezium\\.slot = \"outbox_relay\" +# default of source-debezium \\(reference\\.conf:\\d+\\)"))
                .anyMatch(
                        line -> line.matches(
                                "broker\\.kafka\\.compression = \"lz4\" +# default of broker-kafka \\(reference\\.conf:\\d+\\)"));
    }

    @Test
    void noSecretIsShownInWhateverSettingItStands() throws Exception {
        String file = MINIMUM + """
                tracing.headers { x-team = "t0ken-for-a-vendor" }
                delivery.claim-check.token = "t0ken-t0ken-t0ken"
                delivery.headers { origin = "has hunter2-hunter2 in it", other = "visible" }
                database.properties { sslpassword = "hunter3", ApplicationName = "visible" }
                broker.kafka.client {
                  "sasl.jaas.config" = "x required password=\\"hunter4\\";"
                  ssl.keystore.key = "hunter5"
                  ssl.truststore.location = "/etc/visible"
                  "schema.registry.url" = "http://me:hunter6@registry"
                }
                """;

        Terminal text = config(file);
        Terminal json = config(file, "--output", "json");

        assertThat(text.out() + json.out() + text.err() + json.err())
                .doesNotContain("hunter")
                .doesNotContain("t0ken");
        assertThat(text.out()).contains("ssl.truststore.location = \"/etc/visible\"", "other = \"visible\"");
        assertThat(text.out()).contains("database.password = \"(hidden)\"");
    }

    @Test
    void onlyWhatIsChangedIsShownIfAskedFor() throws Exception {
        assertThat(config(MINIMUM, "--changed").lines().stream().map(line -> line.replaceFirst(" .*", "")))
                .containsExactly(
                        "broker.kafka.bootstrap-servers", "database.name", "database.password", "database.user");
    }

    @Test
    void programsGetJson() throws Exception {
        JsonNode settings = config(MINIMUM, "--output", "json").json().path("settings");

        JsonNode port = settings.path("database.port");
        assertThat(port.path("value").intValue()).isEqualTo(5432);
        assertThat(port.path("default").booleanValue()).isTrue();
        assertThat(settings.path("database.password").path("value").isNull()).isTrue();
        assertThat(settings.path("database.password").path("secret").booleanValue())
                .isTrue();
        assertThat(settings.path("database.name").path("origin").textValue()).isEqualTo("relay.conf:1");
    }

    @Test
    void aWrongConfigurationIsShownAndThenWhatIsWrongWithIt() throws Exception {
        Terminal config = config(MINIMUM + "delivery.max-in-flight = lots\n");

        assertThat(config.exitCode()).isEqualTo(2);
        assertThat(config.out()).contains("delivery.max-in-flight = \"lots\"");
        assertThat(config.err()).contains("delivery.max-in-flight (relay.conf:3): is \"lots\"");
    }

    @Test
    void anIncludedFileIsAnOrigin() throws Exception {
        Files.writeString(directory.resolve("secrets.conf"), "delivery.max-in-flight = 9\n");

        assertThat(config(MINIMUM + "include \"secrets.conf\"\n").lines())
                .anyMatch(line -> line.matches("delivery\\.max-in-flight = 9 +# secrets\\.conf:1"));
    }

    private Terminal config(String text, String... more) throws IOException {
        Path file = Files.writeString(directory.resolve("relay.conf"), text);
        String[] arguments = new String[more.length + 3];
        arguments[0] = "config";
        arguments[1] = "--config";
        arguments[2] = file.toString();
        System.arraycopy(more, 0, arguments, 3, more.length);
        return Terminal.run(arguments);
    }
}
