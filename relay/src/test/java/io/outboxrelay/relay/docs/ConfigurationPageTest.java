package io.outboxrelay.relay.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ConfigurationPageTest {

    private static final Path PAGE = Path.of("..", "docs", "configuration.md");

    private static final String REFERENCE = "src/main/resources/reference.conf";

    private static final String INTRODUCTION = """
            <!-- Made from every module's reference.conf. To make it anew:
                 mvn -q -pl relay -am test -Dtest=ConfigurationPageTest -Dsurefire.failIfNoSpecifiedTests=false -Ddocs.write=true -->

            # Configuration

            The relay reads one file, `outbox-relay run --config FILE`, in
            [HOCON](https://github.com/lightbend/config/blob/main/HOCON.md): a superset of JSON that reads like a list of names
            and values. `conf/outbox-relay.conf` in the distribution shows the common settings. `outbox-relay check --config FILE`
            says what is wrong with a file, all of it at once, with line numbers, and then looks at the database and the broker.

            - **Order.** Environment variables `CONFIG_FORCE_…` go over the file, and the file over the defaults below. In the
              variable's name `_` stands for a dot, `__` for a dash and `___` for an underscore:
              `CONFIG_FORCE_delivery_max__in__flight=500` is `delivery.max-in-flight = 500`.
            - **Variables in the file.** `${NAME}` is the environment variable NAME, and an error if there is none; `${?NAME}`
              leaves the setting out then. Templates of the relay have braces without a dollar: `{aggregateType}`.
            - **Secrets** come from a variable or from a file of their own (`password-file`). They are in no message and in no
              log.
            - **Unknown settings** are errors, and so are values out of range. A section shown as `{ … }` takes any names.
            - **Units.** Durations: `200ms`, `10s`, `5m`. Sizes: `64k`, `16m`, `1g`, in powers of 1024.
            - **Log.** To standard output, as the section `logging` says; from the environment
              `CONFIG_FORCE_logging_format=json`. `--verbose` is `level = debug` with stack traces. Below info, Kafka's client,
              Debezium and the Postgres driver would log what passes through them; no configuration of Logback, not even one's
              own by `JAVA_OPTS=-Dlogback.configurationFile=…`, brings them below info. [Every error and warning has a
              code](errors.md).
            - **JVM.** `JAVA_OPTS` is added to the options in `bin/outbox-relay`, and wins: `JAVA_OPTS=-Xmx512m`.

            What follows is every setting with its default; `null` is a setting without one.

            """;

    @Test
    void thePageIsMadeFromTheReference() throws IOException {
        String page = INTRODUCTION
                + references().stream()
                        .map(ReferencePage::of)
                        .collect(Collectors.joining())
                        .strip()
                + "\n";
        if (Boolean.getBoolean("docs.write")) {
            Files.writeString(PAGE, page);
        }
        assertThat(Files.readString(PAGE).equals(page))
                .as("docs/configuration.md is as every reference.conf says; its first lines tell how to make it anew")
                .isTrue();
    }

    /** The relay's own first, then the sources', then the brokers'. */
    private static List<String> references() throws IOException {
        List<Path> files = new ArrayList<>();
        files.add(Path.of(REFERENCE));
        try (Stream<Path> modules = Files.list(Path.of("..", "connectors"))) {
            modules.map(module -> module.resolve(REFERENCE))
                    .filter(Files::exists)
                    .sorted(Comparator.reverseOrder())
                    .forEach(files::add);
        }
        List<String> texts = new ArrayList<>();
        for (Path file : files) {
            texts.add(Files.readString(file));
        }
        return texts;
    }
}
