package io.outboxrelay.benchmark;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** Measures the relay on this machine, round after round, and prints the figures. */
public final class Benchmark {

    /** One kind of measurement, on an outbox of its own. */
    private interface Measurement {
        List<Figure> measure(Relay relay, Outbox outbox) throws Exception;
    }

    private Benchmark() {}

    /**
     * Measures and prints.
     *
     * @param arguments the distribution's folder, a folder for files, rows of the backlog, seconds at a steady rate, rounds,
     *     which measurements, separated by commas or "all", and further options for the relay's JVM
     */
    public static void main(String[] arguments) throws Exception {
        endWithTheBuild();
        Path directory = Path.of(arguments[1]);
        int events = Integer.parseInt(arguments[2]);
        int seconds = Integer.parseInt(arguments[3]);
        int rounds = Integer.parseInt(arguments[4]);
        List<String> moreJavaOpts = List.of(arguments).subList(6, arguments.length);
        Relay relay = new Relay(
                Path.of(arguments[0]).toAbsolutePath().normalize(), directory, String.join(" ", moreJavaOpts));
        Map<String, Measurement> all = new LinkedHashMap<>();
        all.put("drain", new Drain(events, false)::measure);
        all.put("drain-kept", new Drain(events, true)::measure);
        all.put("latency", SteadyRate.ofTheLog(1_000, 1, seconds)::measure);
        all.put("memory", SteadyRate.ofTheLog(5_000, 10, seconds)::measure);
        all.put("start", new Start()::measure);
        all.put("polling", new PollingDrain(events, false)::measure);
        all.put("polling-old-snapshot", new PollingDrain(events, true)::measure);
        all.put("polling-idle", new IdlePolling(seconds)::measure);
        all.put("polling-latency", SteadyRate.ofNotifiedPolling(100, seconds)::measure);
        all.put("fallback", new Fallback()::measure);
        all.put("backlog-behind-dead-broker", new DeadBroker(events, Duration.ofSeconds(seconds))::measure);
        List<Measurement> measurements = chosen(arguments[5], all);

        Report report = new Report();
        Map<String, Object> setting = new LinkedHashMap<>();
        setting.put("processors", Runtime.getRuntime().availableProcessors());
        setting.put("java", System.getProperty("java.version"));
        setting.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        setting.put("relay", Relay.JAVA_OPTS);
        try (Servers servers = new Servers()) {
            setting.put("postgres", servers.postgresVersion());
            setting.put("load-before", load());
            for (int round = 1; round <= rounds; round++) {
                System.out.printf(Locale.ROOT, "Round %d of %d, load %.1f%n", round, rounds, load());
                for (Measurement measurement : measurements) {
                    try (Outbox outbox = servers.newOutbox()) {
                        List<Figure> figures = measurement.measure(relay, outbox);
                        figures.forEach(figure -> System.out.printf(
                                Locale.ROOT, "  %-36s %,12.1f %s%n", figure.name(), figure.value(), figure.unit()));
                        report.add(figures);
                    }
                }
            }
        }
        Path json = directory.resolve("benchmark.json");
        report.write(json, setting);
        System.out.printf(
                Locale.ROOT,
                "%n%s%n%s%n%s%n",
                setting,
                report.table(),
                json.toAbsolutePath().normalize());
    }

    private static List<Measurement> chosen(String names, Map<String, Measurement> all) {
        if (names.equals("all")) {
            return List.copyOf(all.values());
        }
        return Stream.of(names.split(",", -1))
                .map(name -> {
                    if (!all.containsKey(name)) {
                        throw new IllegalArgumentException(
                                "benchmark.only = " + names + ": " + name + " is none of " + all.keySet());
                    }
                    return all.get(name);
                })
                .toList();
    }

    /** Also when the build is killed: nobody is left then to read the figures. */
    private static void endWithTheBuild() {
        ProcessHandle.current().parent().ifPresent(build -> {
            Thread thread = new Thread(
                    () -> {
                        build.onExit().join();
                        System.exit(1);
                    },
                    "end-with-the-build");
            thread.setDaemon(true);
            thread.start();
        });
    }

    private static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }
}
