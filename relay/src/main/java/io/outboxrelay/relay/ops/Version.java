package io.outboxrelay.relay.ops;

import java.io.File;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The version that the jar was built as, and those of the jars beside it. */
public final class Version {

    private static final Pattern JAR = Pattern.compile("(.+?)-(\\d.*)\\.jar");

    private Version() {}

    /** The program's name and version, for people. */
    public static String text() {
        return "outbox-relay " + number().orElse("(not built as a jar)");
    }

    /** The version alone; empty where this was not built as a jar. */
    public static Optional<String> number() {
        return Optional.ofNullable(Version.class.getPackage().getImplementationVersion());
    }

    /** The versions of some jars on the class path, or beside its first, by the jars' names; none for one that is not there. */
    public static Map<String, String> ofJars(Collection<String> names) {
        List<String> classPath =
                List.of(System.getProperty("java.class.path", "").split(File.pathSeparator, -1));
        String[] beside =
                Path.of(classPath.get(0)).toAbsolutePath().getParent().toFile().list();
        Map<String, String> found = new TreeMap<>();
        Stream.concat(
                        classPath.stream().map(entry -> new File(entry).getName()),
                        Stream.of(beside == null ? new String[0] : beside))
                .map(JAR::matcher)
                .filter(jar -> jar.matches() && names.contains(jar.group(1)))
                .forEach(jar -> found.put(jar.group(1), jar.group(2)));
        return found;
    }
}
