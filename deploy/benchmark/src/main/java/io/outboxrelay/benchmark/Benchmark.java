package io.outboxrelay.benchmark;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;

/** Measures all subjects in turn on this machine, round after round, and writes the report. */
public final class Benchmark {

    private Benchmark() {}

    /**
     * Measures what the system properties of {@link Settings} say. Ends with status 1 if a subject did not do its work
     * right; the report is written nevertheless.
     */
    public static void main(String[] arguments) throws Exception {
        endWithTheBuild();
        Settings settings = Settings.of(System.getProperties());
        Path directory = Files.createDirectories(settings.directory());
        List<Workload> workloads = new Workloads(settings.events(), settings.seconds()).chosen(settings.only());
        List<Subject> subjects = new Subjects(settings).chosen();
        for (Subject subject : subjects) {
            subject.install();
        }
        Results results = new Results();
        try (Servers servers = new Servers()) {
            Report report = new Report(setting(servers, subjects, settings), workloads);
            for (int round = 1; round <= settings.rounds(); round++) {
                System.out.printf(Locale.ROOT, "Round %d of %d, load %.1f%n", round, settings.rounds(), load());
                for (Workload workload : workloads) {
                    for (Subject subject : subjects) {
                        if (workload.kinds().contains(subject.kind())) {
                            measure(workload, subject, servers, results);
                            report.write(directory, results);
                        }
                    }
                }
            }
            System.out.printf("%n%s%n%s%n", report.markdown(results), directory.resolve("report.md"));
        }
        System.exit(results.failures().isEmpty() ? 0 : 1);
    }

    private static void measure(Workload workload, Subject subject, Servers servers, Results results) throws Exception {
        System.out.printf("  %s, %s%n", workload.name(), subject.name());
        List<Figure> figures;
        try (Outbox outbox = servers.newOutbox(workload.name())) {
            figures = workload.measurement().measure(subject, outbox);
        } catch (IllegalStateException | IOException | SQLException | ExecutionException wrong) {
            System.out.println("    failed: " + wrong.getMessage());
            results.addFailure(workload.name() + ", " + subject.name() + ": "
                    + String.valueOf(wrong.getMessage()).lines().findFirst().orElse(""));
            return;
        }
        figures.forEach(figure ->
                System.out.printf(Locale.ROOT, "    %-28s %,14.1f %s%n", figure.name(), figure.value(), figure.unit()));
        results.add(workload, subject, figures);
    }

    private static Map<String, Object> setting(Servers servers, List<Subject> subjects, Settings settings) {
        Map<String, Object> setting = new LinkedHashMap<>();
        setting.put(
                "Settings",
                String.format(
                        Locale.ROOT,
                        "events = %d, seconds = %d, rounds = %d",
                        settings.events(),
                        settings.seconds(),
                        settings.rounds()));
        setting.put(
                "Machine",
                String.format(
                        Locale.ROOT,
                        "%d processors (%s), %s %s; load before %.1f",
                        Runtime.getRuntime().availableProcessors(),
                        processor(),
                        System.getProperty("os.name"),
                        System.getProperty("os.version"),
                        load()));
        setting.put("Java", System.getProperty("java.runtime.version"));
        setting.put("Postgres", servers.postgresVersion());
        setting.put("Kafka", System.getProperty("kafka.version"));
        subjects.forEach(subject -> setting.put("`" + subject.name() + "`", subject.description()));
        return setting;
    }

    private static String processor() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            Optional<String> model =
                    lines.filter(line -> line.startsWith("model name")).findFirst();
            return model.map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .orElse("unknown");
        } catch (IOException e) {
            return "unknown";
        }
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
