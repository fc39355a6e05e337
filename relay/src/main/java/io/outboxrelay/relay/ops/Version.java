package io.outboxrelay.relay.ops;

import java.io.File;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

    /** The versions of some jars in the folder of the program's own, by the jars' names; none for one that is not there. */
    public static Map<String, String> ofJars(Collection<String> names) {
        Map<String, String> found = new TreeMap<>();
        String program = System.getProperty("java.class.path", "").split(File.pathSeparator, -1)[0];
        String[] files = Path.of(program).toAbsolutePath().getParent().toFile().list();
        for (String file : files == null ? new String[0] : files) {
            Matcher jar = JAR.matcher(file);
            if (jar.matches() && names.contains(jar.group(1))) {
                found.put(jar.group(1), jar.group(2));
            }
        }
        return found;
    }
}
