package io.outboxrelay.relay.command;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;

import io.outboxrelay.api.Code;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code class-archive}: has Java write the classes that a relay loads to a file, parsed and verified, which later starts
 * map into memory. Java uses the file only if it is the same Java, with the same jars of the same dates in the same place
 * (<a href="https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html">class data sharing</a>).
 */
@Command(
        name = "class-archive",
        description = {
            "Make the file from which Java takes the relay's classes at every later start.",
            "",
            "A start takes a third less processor time with it. The image has one already. Make it anew when the relay or its"
                    + " Java changes: an archive of others is not used."
        })
final class ClassArchiveCommand implements Callable<Integer>, Quiet {

    /** What relays load, one name a line; {@code ClassArchiveIT} makes it. Java passes over names that it does not find. */
    private static final String CLASSES = "classes.lst";

    private static final int LAST_LINES = 5;

    /** A class that a jar holds anew for later versions of Java. */
    private static final Pattern VERSIONED = Pattern.compile("META-INF/versions/\\d+/(.*)\\.class");

    @Option(
            names = "--to",
            paramLabel = "FILE",
            description = "Where to write it: beside the jars if not given, where bin/outbox-relay looks for it.")
    private Path to;

    @Mixin
    private OutputOption output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        String classPath = System.getProperty("java.class.path");
        Path program = Path.of(classPath.split(File.pathSeparator, -1)[0]);
        Path archive = to != null ? to : program.resolveSibling("classes.jsa");
        Path list = Files.createTempFile("outbox-relay-", ".lst");
        try {
            Files.write(list, classes(program.toAbsolutePath().getParent()));
            Optional<String> failure = make(archive, list, classPath);
            if (failure.isPresent()) {
                spec.commandLine()
                        .getErr()
                        .println("outbox-relay: " + Code.CLASS_ARCHIVE_NOT_MADE + " " + archive
                                + " cannot be made; Java says: " + failure.get());
                return ExitCode.FAILED;
            }
        } finally {
            Files.delete(list);
        }
        long bytes = Files.size(archive);
        String text = output.isJson()
                ? JsonText.of(
                        JsonText.object().put("archive", archive.toString()).put("bytes", bytes))
                : archive + ": " + Amounts.bytes(bytes);
        spec.commandLine().getOut().println(text);
        return ExitCode.FINE;
    }

    /**
     * Those of the list of which each jar holds one form. Java looks for the bytes of an archived class where the jar keeps
     * those for every version of Java, once an agent or Flight Recorder asks for them, and crashes if they are not there
     * (Java 17, {@code KlassFactory::check_shared_class_file_load_hook}).
     */
    private static List<String> classes(Path jars) throws IOException {
        Set<String> several = new HashSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(jars, "*.jar")) {
            for (Path file : files) {
                try (ZipFile jar = new ZipFile(file.toFile())) {
                    jar.stream()
                            .map(entry -> VERSIONED.matcher(entry.getName()))
                            .filter(Matcher::matches)
                            .forEach(versioned -> several.add(versioned.group(1)));
                }
            }
        }
        try (InputStream list = ClassArchiveCommand.class.getResourceAsStream(CLASSES)) {
            return new String(list.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(name -> !several.contains(name))
                    .toList();
        }
    }

    /** The last that Java said where it failed; else nothing. */
    private static Optional<String> make(Path archive, Path list, String classPath)
            throws IOException, InterruptedException {
        Process java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:dump",
                        "-XX:+UseSerialGC",
                        "-XX:SharedClassListFile=" + list,
                        "-XX:SharedArchiveFile=" + archive,
                        "-cp",
                        classPath)
                .redirectErrorStream(true)
                .start();
        List<String> said = new String(java.getInputStream().readAllBytes(), Charset.defaultCharset())
                .lines()
                .toList();
        return java.waitFor() == 0
                ? Optional.empty()
                : Optional.of(String.join("; ", said.subList(Math.max(0, said.size() - LAST_LINES), said.size())));
    }
}
