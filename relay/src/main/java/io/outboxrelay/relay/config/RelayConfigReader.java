package io.outboxrelay.relay.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.outboxrelay.api.AfterDelivery;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.BrokerProvider;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.DatabaseAddress;
import io.outboxrelay.api.DatabaseTimeouts;
import io.outboxrelay.api.SourceProvider;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.schema.OutboxTable;

/**
 * Reads a configuration and finds all that is wrong with it in one pass. Connects to nothing; reads files that settings
 * name, such as {@code password-file}.
 */
public final class RelayConfigReader {

    /** How what {@code CONFIG_FORCE_…} sets describes its origin. */
    static final String ENVIRONMENT = "env variables overrides";

    private final Config reference;
    private final Config environment;
    private final SortedMap<String, SourceProvider> sources;
    private final SortedMap<String, BrokerProvider> brokers;

    /**
     * @param reference every module's defaults
     * @param environment what goes over the file
     * @param sources the sources that are installed
     * @param brokers the brokers that are installed
     */
    RelayConfigReader(
            Config reference, Config environment, List<SourceProvider> sources, List<BrokerProvider> brokers) {
        this.reference = reference;
        this.environment = environment;
        this.sources = byType(sources, SourceProvider::type);
        this.brokers = byType(brokers, BrokerProvider::type);
    }

    /** A reader with the connectors and defaults on the class path, and {@code CONFIG_FORCE_…} of the environment. */
    public static RelayConfigReader ofClassPath() {
        return new RelayConfigReader(
                ConfigFactory.defaultReferenceUnresolved(),
                ConfigFactory.systemEnvironmentOverrides(),
                loaded(ServiceLoader.load(SourceProvider.class)),
                loaded(ServiceLoader.load(BrokerProvider.class)));
    }

    /**
     * Reads a file.
     *
     * @throws ConfigurationException if anything is wrong with it, with all of that
     */
    public RelayConfig read(Path file) throws ConfigurationException {
        Config given = new ConfigFile(file).over(reference, environment);
        List<Problem> problems = new ArrayList<>();
        Config pruned = new KnownSettings(reference).prune(given, problems);
        Settings settings = Settings.of(pruned);
        RelayConfig config = read(settings, pruned);
        problems.addAll(settings.problems());
        if (!problems.isEmpty()) {
            throw new ConfigurationException(
                    file.toString(),
                    problems.stream()
                            .map(RelayConfigReader::namingTheVariable)
                            .sorted(Comparator.comparing(RelayConfigReader::line)
                                    .thenComparing(Problem::path))
                            .toList());
        }
        return config;
    }

    /**
     * Reads the section {@code admin} alone, without a look at the others.
     *
     * @throws ConfigurationException if the file cannot be read, or the section is wrong
     */
    public AdminSettings readAdmin(Path file) throws ConfigurationException {
        Settings settings = Settings.of(new ConfigFile(file).over(reference, environment));
        AdminSettings read = AdminSettings.read(settings.section("admin"));
        if (!settings.problems().isEmpty()) {
            throw new ConfigurationException(file.toString(), settings.problems());
        }
        return read;
    }

    /**
     * Every setting as it holds, right or wrong, without secrets.
     *
     * @throws ConfigurationException if the file cannot be read
     */
    public List<EffectiveSetting> effective(Path file) throws ConfigurationException {
        return EffectiveSettings.of(new ConfigFile(file).over(reference, environment), reference);
    }

    private RelayConfig read(Settings settings, Config pruned) {
        DatabaseAddress database = database(settings.section("database"));
        OutboxSection outboxSection = new OutboxSection(settings.section("outbox"), pruned);
        OutboxTable outbox = outboxSection.read();
        AfterDelivery afterDelivery = outboxSection.readAfterDelivery();
        Optional<SourceSettings> source = new SourceSection(settings.section("source"), afterDelivery, sources).read();
        Optional<BrokerFactory> broker = broker(settings.section("broker"));
        DeliverySettings delivery = new DeliverySection(settings.section("delivery")).read();
        RestartSettings restart = RestartSettings.read(settings.section("restart"));
        AdminSettings admin = AdminSettings.read(settings.section("admin"));
        if (delivery.claimCheck().token().isPresent() && !admin.enabled()) {
            settings.section("admin")
                    .problem(
                            Code.CONFIG_CONTRADICTION,
                            "enabled",
                            "is \"false\", and delivery.claim-check.token needs it");
        }
        Duration timeout = settings.section("shutdown").duration("timeout", Duration.ZERO, Duration.ofHours(1));
        return new RelayConfig(
                database,
                outbox,
                afterDelivery,
                source.orElse(null),
                broker.orElse(null),
                delivery,
                restart,
                admin,
                LoggingSettings.read(settings.section("logging")),
                TracingSettings.read(
                        settings.section("tracing"),
                        settings.section("broker").optionalText("type").orElse("")),
                timeout);
    }

    private static DatabaseAddress database(Settings section) {
        return new DatabaseAddress(
                section.text("host"),
                section.integer("port", 1, 65_535),
                section.text("name"),
                section.text("user"),
                section.secret("password").orElse(""),
                DriverProperties.ofInstalledDriver().read(section),
                timeouts(section.section("timeouts")));
    }

    private static DatabaseTimeouts timeouts(Settings section) {
        Duration shortest = Duration.ofSeconds(1);
        Duration longest = Duration.ofMinutes(10);
        return new DatabaseTimeouts(
                section.duration("connect", shortest, longest),
                section.duration("login", shortest, longest),
                section.duration("socket", shortest, Duration.ofHours(1)),
                section.duration("statement", shortest, Duration.ofHours(1)),
                section.duration("pool", shortest, longest),
                section.duration("hand-over", Duration.ofMinutes(1), Duration.ofDays(7)));
    }

    private Optional<BrokerFactory> broker(Settings section) {
        String type = section.text("type");
        if (brokers.containsKey(type)) {
            return Optional.of(brokers.get(type).configure(section.section(type)));
        }
        String known = brokers.isEmpty() ? "none is installed" : String.join(", ", brokers.keySet());
        section.problem("type", "is \"" + type + "\"; allowed: " + known);
        return Optional.empty();
    }

    private static <P> SortedMap<String, P> byType(List<P> providers, Function<P, String> type) {
        return providers.stream().collect(Collectors.toMap(type, Function.identity(), (a, b) -> a, TreeMap::new));
    }

    private static <P> List<P> loaded(ServiceLoader<P> loader) {
        return loader.stream().map(ServiceLoader.Provider::get).toList();
    }

    private static Problem namingTheVariable(Problem problem) {
        if (!problem.where().equals(ENVIRONMENT)) {
            return problem;
        }
        return new Problem(problem.code(), problem.path(), problem.text(), variable(problem.path()));
    }

    /** How the environment names a setting. */
    static String variable(String path) {
        return "environment variable CONFIG_FORCE_"
                + path.replace("_", "___").replace("-", "__").replace(".", "_");
    }

    /** Sorts by line; what stands in no line comes last. */
    private static String line(Problem problem) {
        int colon = problem.where().lastIndexOf(':');
        String digits = problem.where().substring(colon + 1);
        return colon < 0 || !digits.matches("\\d+")
                ? "~" + problem.path()
                : String.format(Locale.ROOT, "%s:%09d", problem.where().substring(0, colon), Integer.parseInt(digits));
    }
}
