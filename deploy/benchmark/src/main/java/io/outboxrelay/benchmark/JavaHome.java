package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Finds a Java that is newer than the one that builds the relay. */
final class JavaHome {

    private static final Pattern VERSION = Pattern.compile("JAVA_VERSION=\"(\\d+)");

    private JavaHome() {}

    /**
     * A Java of this version or a newer one: the one that is named, which must be one; else this process's own, that of
     * {@code JAVA_HOME}, or one that is installed beside them.
     *
     * @param named empty if none is
     */
    static Optional<Path> atLeast(int version, String named) {
        if (!named.isEmpty()) {
            Path home = Path.of(named);
            if (versionOf(home) < version) {
                throw new IllegalArgumentException(
                        "benchmark.java21 = " + named + ": there is no Java " + version + " or newer");
            }
            return Optional.of(home);
        }
        List<Path> homes = new ArrayList<>();
        homes.add(Path.of(System.getProperty("java.home")));
        Optional.ofNullable(System.getenv("JAVA_HOME")).map(Path::of).ifPresent(homes::add);
        for (Path home : List.copyOf(homes)) {
            homes.addAll(beside(home));
        }
        return homes.stream().filter(home -> versionOf(home) >= version).findFirst();
    }

    private static List<Path> beside(Path home) {
        Path parent = home.toAbsolutePath().getParent();
        if (parent == null) {
            return List.of();
        }
        try (Stream<Path> homes = Files.list(parent)) {
            return homes.sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    /** 0 if there is no Java. */
    private static int versionOf(Path home) {
        if (!Files.isExecutable(home.resolve("bin/java"))) {
            return 0;
        }
        try {
            Matcher version = VERSION.matcher(Files.readString(home.resolve("release")));
            return version.find() ? Integer.parseInt(version.group(1)) : 0;
        } catch (IOException e) {
            return 0;
        }
    }
}
