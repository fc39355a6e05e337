package io.outboxrelay.relay.ops;

import java.io.IOException;
import java.net.URL;
import java.util.Collection;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The version that the jar was built as, and those of the libraries. */
public final class Version {

    private static final Pattern JAR = Pattern.compile("([^/]+?)-(\\d[^/]*)\\.jar!/");

    private Version() {}

    /** The program's name and version, for people. */
    public static String text() {
        return "outbox-relay " + number().orElse("(not built as a jar)");
    }

    /** The version alone; empty where this was not built as a jar. */
    public static Optional<String> number() {
        return Optional.ofNullable(Version.class.getPackage().getImplementationVersion());
    }

    /** The versions of some jars that classes come from, by the jars' names; none for one that is not there. */
    public static Map<String, String> ofJars(Collection<String> names) throws IOException {
        Map<String, String> found = new TreeMap<>();
        for (URL manifest : Collections.list(Version.class.getClassLoader().getResources(JarFile.MANIFEST_NAME))) {
            Matcher jar = JAR.matcher(manifest.getPath());
            if (jar.find() && names.contains(jar.group(1))) {
                found.put(jar.group(1), jar.group(2));
            }
        }
        return found;
    }
}
