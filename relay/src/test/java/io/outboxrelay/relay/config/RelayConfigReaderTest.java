package io.outboxrelay.relay.config;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigResolveOptions;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.relay.delivery.NullPayload;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class RelayConfigReaderTest {

    private static final String MINIMUM = """
            database { name = shop, user = relay }
            source { type = scripted, fallback = table }
            broker.type = scripted
            """;

    @TempDir
    private Path directory;

    @Test
    void aMinimalFileTakesEverythingElseFromTheDefaults() throws Exception {
        RelayConfig config = read(MINIMUM);

        assertThat(config.database()).isEqualTo(new DatabaseAddress("localhost", 5432, "shop", "relay", "", Map.of()));
        assertThat(config.outbox()).isEqualTo(OutboxTable.DEFAULT);
        assertThat(config.delivery())
                .isEqualTo(new DeliverySettings(
                        "events.{aggregateType}",
                        "{aggregateId}",
                        Map.of(
                                "id", "{id}",
                                "type", "{type}",
                                "aggregate-type", "{aggregateType}",
                                "occurred-at", "{occurredAt}"),
                        NullPayload.EMPTY,
                        new ClaimCheckSettings(
                                Oversize.REJECT, Set.of(), 32 << 20, Duration.ofDays(7), Optional.empty()),
                        new RejectionSettings(OnRejected.HALT, RejectionSettings.Store.TABLE, "outbox.dead-letter"),
                        10_000,
                        16 << 20,
                        new RateLimitSettings(0, 1_000),
                        new RetrySettings(Duration.ofMillis(200), Duration.ofSeconds(2), 3, Duration.ofMinutes(5))));
        assertThat(config.restart()).isEqualTo(new RestartSettings(Duration.ofSeconds(1), Duration.ofSeconds(30)));
        assertThat(config.admin())
                .isEqualTo(new AdminSettings(
                        true, "127.0.0.1", 9470, Duration.ofSeconds(10), AdminAccess.READING, Optional.empty()));
        assertThat(config.shutdownTimeout()).isEqualTo(Duration.ofSeconds(20));
        assertThat(config.afterDelivery()).isEqualTo(AfterDelivery.DELETE);
        assertThat(config.source().fallback()).isPresent();
        assertThat(config.source().fallbackAfter()).isEqualTo(Duration.ofSeconds(60));
        assertThat(config.source().maxRetainedLog()).hasValue(10L << 30);
    }

    @Test
    void withoutAFallbackOrWithTheSameTypeThereIsNone() throws Exception {
        assertThat(read(MINIMUM + "source.fallback = none").source().fallback()).isEmpty();
        assertThat(read(MINIMUM + "source.fallback = scripted").source().fallback())
                .isEmpty();
    }

    @Test
    void aSourceOfTheTableNeedsNoFallback() throws Exception {
        SourceSettings source = read(MINIMUM + "source.type = table").source();

        assertThat(source.fallback()).isEmpty();
        assertThat(source.primary().isShared()).isTrue();
    }

    @Test
    void theLimitOfTheRetainedLogMayBeLeftOut() throws Exception {
        assertThat(read(MINIMUM + "source.max-retained-wal = null").source().maxRetainedLog())
                .isEmpty();
        assertThat(read(MINIMUM + "source.max-retained-wal = \"\"").source().maxRetainedLog())
                .isEmpty();
    }

    @Test
    void aTableThatKeepsItsRowsIsNoQueueToFallBackOnOrToPoll() throws Exception {
        String keep = MINIMUM + "outbox.after-delivery = keep\n";

        assertThat(problems(keep))
                .containsExactly("OR-1009 source.fallback (relay.conf:2): is \"table\", which reads the table; but"
                        + " outbox.after-delivery = keep leaves every row in the table, which then cannot tell what is"
                        + " unsent. Set source.fallback = none, or outbox.after-delivery to delete, mark or"
                        + " drop-partition");
        assertThat(problems(keep + "source.type = table"))
                .containsExactly("OR-1009 source.type (relay.conf:5): is \"table\", which reads the table; but"
                        + " outbox.after-delivery = keep leaves every row in the table, which then cannot tell what is"
                        + " unsent. Set outbox.after-delivery to delete, mark or drop-partition, or source.type to one"
                        + " that reads the log");
        assertThat(read(keep + "source.fallback = none").afterDelivery().tableIsQueue())
                .isFalse();
    }

    @Test
    void everyFaultOfAFileIsReportedAtOnceInTheOrderOfItsLines() {
        assertThat(problems("""
                        database {
                          host = ""
                          prot = 5433
                          port = 70000
                          name = shop
                          password = "hunter2"
                          password-file = "/run/no-such-secret"
                          properties { sslmod = require, sslmode = maybe, user = eve }
                        }
                        outbox {
                          table = "a table whose name is longer than the sixty-three bytes that it has"
                          preset = debezum
                          columns { headers = [1], id = "" }
                          after-delivery = burn
                          cleanup { batch-rows = 0 }
                        }
                        source { type = scripted, scripted { lanes = two, speed = 3 }
                          fallback = scripted2, max-retained-wal = 1k }
                        broker.type = rabbit
                        delivery {
                          topic = "events.{aggregate}"
                          key = "{aggregateId"
                          headers { when = "{now}" }
                          on-rejected = retry
                          maxInFlight = 5
                          max-in-flight = many
                          max-in-flight-bytes = 1k
                          retry { initial = 1m, max = 1s }
                        }
                        admin = off
                        shutdown { timeout = 5 parsecs }
                        producer { acks = 1 }
                        timeout = 3s
                        """))
                .containsExactly(
                        "OR-1005 database.host (relay.conf:2): is empty; allowed: a text that is not empty",
                        "OR-1004 database.prot (relay.conf:3): unknown setting; did you mean \"database.port\"?",
                        "OR-1005 database.port (relay.conf:4): is \"70000\"; allowed: a whole number from 1 to 65535",
                        "OR-1008 database.password (relay.conf:6): is given twice, here and by database.password-file;"
                                + " leave one of them out",
                        "OR-1005 database.properties.sslmod (relay.conf:8): is no property of the Postgres driver;"
                                + " did you mean \"sslmode\"?",
                        "OR-1005 database.properties.sslmode (relay.conf:8): is \"maybe\"; allowed: disable, allow, prefer,"
                                + " require, verify-ca, verify-full",
                        "OR-1005 database.properties.user (relay.conf:8): is not for this section: use database.user",
                        "OR-1005 outbox.table (relay.conf:11): cannot be a name in Postgres: the identifier 'a table whose name"
                                + " is longer than the sixty-three bytes that it has' is longer than 63 bytes, which is"
                                + " all Postgres keeps",
                        "OR-1005 outbox.preset (relay.conf:12): is \"debezum\"; allowed: default, debezium",
                        "OR-1005 outbox.columns.headers (relay.conf:13): is a list; allowed: a text",
                        "OR-1005 outbox.columns.id (relay.conf:13): is empty; allowed: the name of a column, or null for"
                                + " \"id\"",
                        "OR-1005 outbox.after-delivery (relay.conf:14): is \"burn\"; allowed: delete, mark, drop-partition, keep",
                        "OR-1005 outbox.cleanup.batch-rows (relay.conf:15): is \"0\"; allowed: a whole number from 1 to 100000",
                        "OR-1005 source.scripted.lanes (relay.conf:17): is \"two\"; allowed: a whole number from 1 to 9",
                        "OR-1004 source.scripted.speed (relay.conf:17): unknown setting; known here: lanes",
                        "OR-1005 source.fallback (relay.conf:18): is \"scripted2\"; allowed: none, table",
                        "OR-1005 source.max-retained-wal (relay.conf:18): is \"1k\"; allowed: a size from 16777216 to"
                                + " 1125899906842624 bytes, for example 16m",
                        "OR-1005 broker.type (relay.conf:19): is \"rabbit\"; allowed: scripted",
                        "OR-1005 delivery.topic (relay.conf:21): \"events.{aggregate}\" names the field {aggregate}; allowed:"
                                + " {id}, {aggregateType}, {aggregateId}, {type}, {occurredAt}, {headers.NAME}",
                        "OR-1005 delivery.key (relay.conf:22): \"{aggregateId\" has a '{' that is not closed",
                        "OR-1005 delivery.headers.when (relay.conf:23): \"{now}\" names the field {now}; allowed:"
                                + " {id}, {aggregateType}, {aggregateId}, {type}, {occurredAt}, {headers.NAME}",
                        "OR-1005 delivery.on-rejected (relay.conf:24): is \"retry\"; allowed: halt, dead-letter, park-key",
                        "OR-1004 delivery.maxInFlight (relay.conf:25): unknown setting; did you mean"
                                + " \"delivery.max-in-flight\"?",
                        "OR-1005 delivery.max-in-flight (relay.conf:26): is \"many\"; allowed: a whole number from 1 to"
                                + " 1000000",
                        "OR-1005 delivery.max-in-flight-bytes (relay.conf:27): is \"1k\"; allowed: a size from 65536 to"
                                + " 1073741824 bytes, for example 16m",
                        "OR-1009 delivery.retry.initial (relay.conf:28): is longer than delivery.retry.max",
                        "OR-1005 admin (relay.conf:30): is a value; allowed: a section { … }",
                        "OR-1005 shutdown.timeout (relay.conf:31): is \"5 parsecs\"; allowed: a duration from 0s to 60m",
                        "OR-1004 producer (relay.conf:32): unknown setting; known here: admin, broker, database, delivery,"
                                + " logging, outbox, restart, shutdown, source, tracing",
                        "OR-1004 timeout (relay.conf:33): unknown setting; did you mean \"shutdown.timeout\"?",
                        "OR-1006 database.user: is required and missing");
    }

    @Test
    void aSecretIsInNoMessageWhateverIsWrongWithIt() {
        for (String password : List.of(
                "password = [hunter2]",
                "password { a = hunter2 }",
                "pasword = hunter2",
                "password hunter2",
                "password = \"hunter2",
                "password = hunter2 { a = 1 }",
                "password = hun$hunter2",
                "password = hun\\hunter2",
                "password = \"\\hunter2\"",
                "password = ${hunter2",
                "password = hunter'2hunter2:",
                "properties { sslmode2 = hunter2, password = hunter2, logServerErrorDetail = hunter2 }")) {
            assertThatThrownBy(() -> read(MINIMUM + "database { " + password + "\n }"))
                    .as(password)
                    .isInstanceOfSatisfying(
                            ConfigurationException.class,
                            e -> assertThat(e.getMessage() + e.problems()).doesNotContain("hunter"));
        }
    }

    @Test
    void aPresetIsChangedColumnByColumnAndAnEmptyNameLeavesAColumnOut() throws Exception {
        RelayConfig config = read(MINIMUM + """
                outbox { schema = "Sales", table = "Out Box", preset = debezium
                  columns { type = event_type, created-at = at } }
                """);
        RelayConfig without = read(MINIMUM + "outbox.columns { headers = \"\", seq = \"\" }");

        assertThat(config.outbox())
                .isEqualTo(new OutboxTable(
                        "Sales",
                        "Out Box",
                        new OutboxColumns(
                                "id",
                                "aggregatetype",
                                "aggregateid",
                                "event_type",
                                "payload",
                                Optional.empty(),
                                Optional.of("at"),
                                Optional.empty())));
        assertThat(without.outbox().columns().headers()).isEmpty();
        assertThat(without.outbox().columns().seq()).isEmpty();
        assertThat(without.outbox().columns().createdAt()).contains("created_at");
    }

    @Test
    void aHeaderIsAddedReplacedOrLeftOut() throws Exception {
        RelayConfig config = read(MINIMUM + """
                delivery.headers { id = null, type = "", ce { specversion = "1.0" }, aggregate-type = "{aggregateType}!" }
                """);

        assertThat(config.delivery().headers())
                .isEqualTo(Map.of(
                        "ce.specversion", "1.0",
                        "aggregate-type", "{aggregateType}!",
                        "occurred-at", "{occurredAt}"));
    }

    @Test
    void aPasswordMayComeFromAFile() throws Exception {
        Path secret = Files.writeString(directory.resolve("secret"), "hunter2\n");

        RelayConfig config = read(MINIMUM + "database.password-file = \"" + secret + "\"");

        assertThat(config.database().password()).isEqualTo("hunter2");
        assertThat(config.toString()).doesNotContain("hunter2");
    }

    @Test
    void whoMayActAtTheAdminPortIsReadFromFilesAndNeverShown() throws Exception {
        Path users = Files.writeString(
                directory.resolve("users"), "# people\nanna:a-long-password-of-anna\n\nben:p:with-a-colon-and-long\n");
        AdminAccess access = read(MINIMUM
                        + ("admin { users-file = \"" + users
                                + "\", token = 0123456789abcdef, protect-reading = true, names = [relay.example] }"))
                .admin()
                .access();

        assertThat(access.users())
                .isEqualTo(Map.of("anna", "a-long-password-of-anna", "ben", "p:with-a-colon-and-long"));
        assertThat(access.toString()).doesNotContain("anna", "0123456789abcdef", "colon");
    }

    @Test
    void faultsOfTheAdminPortsSecretsAreToldWithoutThem() throws Exception {
        Path users = Files.writeString(
                directory.resolve("users"),
                "anna:short-secret\nanna:a-long-password-of-anna\nanna:another-long-password\n:x\n");

        assertThat(problems(MINIMUM + "admin { users-file = \"" + users
                        + "\", token = short-token, tls { certificate = admin.crt } }"))
                .asString()
                .contains("is no token; allowed: 16 or more visible ASCII characters")
                .contains("line 3 of " + users + " names a user a second time")
                .contains("line 4 of " + users + " is no user")
                .contains("admin.tls.key")
                .doesNotContain("short-token", "long-password");
        assertThat(problems(MINIMUM + "admin.protect-reading = true"))
                .asString()
                .contains("nobody could read; set token or users-file");
    }

    @Test
    void secretsMayBeInAFileOfTheirOwnThatIsIncluded() throws Exception {
        Files.writeString(directory.resolve("secrets.conf"), "database.password = hunter2\n");

        RelayConfig config = read(MINIMUM + "include required(\"secrets.conf\")");

        assertThat(config.database().password()).isEqualTo("hunter2");
    }

    @Test
    void aPasswordMayComeFromTheEnvironment() throws Exception {
        assertThat(reader(Map.of("database.password", "hunter2"))
                        .read(file(MINIMUM))
                        .database()
                        .password())
                .isEqualTo("hunter2");
    }

    @Test
    void levelsOfTheLogAreCheckedAndNoneShowsTheContentOfEvents() throws Exception {
        assertThat(read(MINIMUM + "logging { level = warn, levels { \"io.outboxrelay.relay\" = Debug } }")
                        .logging())
                .isEqualTo(new LoggingSettings(
                        LogFormat.TEXT, LogLevel.WARN, Map.of("io.outboxrelay.relay", LogLevel.DEBUG)));
        assertThat(problems(MINIMUM + "logging.levels { \"org.apache.kafka.clients\" = debug, \"a.b\" = loud }"))
                .containsExactly(
                        "OR-1005 logging.levels.\"a.b\" (relay.conf:4): is \"loud\"; allowed: off, error, warn, info, debug,"
                                + " trace",
                        "OR-1005 logging.levels.\"org.apache.kafka.clients\" (relay.conf:4): may not be debug: below info it"
                                + " logs the content of events. Allowed: off, error, warn, info");
    }

    @Test
    void theEnvironmentGoesOverTheFileAndIsNamedWhereItIsWrong() throws Exception {
        Path file = file(MINIMUM + "database.port = 1");

        assertThat(reader(Map.of("database.port", "5433")).read(file).database().port())
                .isEqualTo(5433);
        assertThatThrownBy(() -> reader(Map.of("delivery.max-in-flight", "x", "delivery.max_in", "1"))
                        .read(file))
                .isInstanceOfSatisfying(
                        ConfigurationException.class,
                        e -> assertThat(e.problems())
                                .extracting(Problem::where)
                                .containsExactly(
                                        "environment variable CONFIG_FORCE_delivery_max__in__flight",
                                        "environment variable CONFIG_FORCE_delivery_max___in"));
    }

    @Test
    void aVariableOfTheEnvironmentMayBeNamedInTheFile() throws Exception {
        assertThat(read(MINIMUM + "database.host = ${PATH}").database().host()).isEqualTo(System.getenv("PATH"));
        assertThat(read(MINIMUM + "database.host = ${?OUTBOX_RELAY_NOT_SET}")
                        .database()
                        .host())
                .isEqualTo("localhost");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        database { name = a           | relay.conf:1: not valid HOCON: Expecting close brace } or a comma, got end of file
        a = 1 }                       | relay.conf:1: not valid HOCON: unbalanced close brace '}'
        database.name shop            | relay.conf:1: not valid HOCON: a name is followed by none of =, : and {
        a = "b                        | relay.conf:1: not valid HOCON: a double quote is not closed
        a..b = 1                      | relay.conf:1: not valid HOCON: path has a leading, trailing, or two adjacent period '.'
        """)
    void whatIsNotHoconIsOneLineWithItsPlace(String text, String message) {
        assertThatThrownBy(() -> read(text))
                .isInstanceOf(ConfigurationException.class)
                .hasMessage(message + "; a value with special characters needs double quotes");
    }

    @Test
    void aVariableThatIsNotSetIsNamed() {
        assertThatThrownBy(() -> read("database {\n name = ${OUTBOX_RELAY_NOT_SET} }"))
                .hasMessage("relay.conf:2: ${OUTBOX_RELAY_NOT_SET} is set neither in the configuration nor in the"
                        + " environment; set it, or write ${?…} to do without");
    }

    @Test
    void aFileThatCannotBeReadIsOneLine() throws IOException {
        Path latin1 = Files.write(directory.resolve("latin1.conf"), "a = ü".getBytes(StandardCharsets.ISO_8859_1));
        Path missing = directory.resolve("missing.conf");

        assertThatThrownBy(() -> reader(Map.of()).read(missing)).hasMessage(missing + ": no such file");
        assertThatThrownBy(() -> reader(Map.of()).read(directory))
                .hasMessage(directory + ": is a directory, not a file");
        assertThatThrownBy(() -> reader(Map.of()).read(latin1)).hasMessage(latin1 + ": is not text in UTF-8");
    }

    private List<String> problems(String text) {
        try {
            read(text);
            return List.of();
        } catch (ConfigurationException e) {
            return e.problems().stream().map(Problem::toString).toList();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private RelayConfig read(String text) throws ConfigurationException, IOException {
        return reader(Map.of()).read(file(text));
    }

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("relay.conf"), text);
    }

    private static RelayConfigReader reader(Map<String, String> environment) {
        Config reference = ConfigFactory.parseFile(new File("src/main/resources/reference.conf"))
                .withFallback(ConfigFactory.parseString(
                        "source { scripted { lanes = 1 }, table { lanes = 1 } }, broker.scripted {}"))
                .resolve(ConfigResolveOptions.noSystem());
        Config variables = ConfigFactory.parseMap(environment, "env variables overrides");
        return new RelayConfigReader(
                reference,
                variables,
                List.of(new ScriptedSource("scripted", false), new ScriptedSource("table", true)),
                List.of(new ScriptedBrokerProvider()));
    }
}
