package io.outboxrelay.relay.command;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.concurrent.Callable;

import io.outboxrelay.api.Code;
import picocli.CommandLine.Command;
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

    /** What relays load, one name a line; {@code ClassListIT} makes it. Java passes over names that it does not find. */
    private static final String CLASSES = "classes.lst";

    private static final int LAST_LINES = 5;

    @Option(
            names = "--to",
            paramLabel = "FILE",
            description = "Where to write it: beside the jars if not given, where bin/outbox-relay looks for it.")
    private Path to;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        String classPath = System.getProperty("java.class.path");
        Path archive = to != null
                ? to
                : Path.of(classPath.split(File.pathSeparator, -1)[0]).resolveSibling("classes.jsa");
        Path list = Files.createTempFile("outbox-relay-", ".lst");
        try (InputStream classes = ClassArchiveCommand.class.getResourceAsStream(CLASSES)) {
            Files.copy(classes, list, StandardCopyOption.REPLACE_EXISTING);
            List<String> failure = make(archive, list, classPath);
            if (!failure.isEmpty()) {
                spec.commandLine()
                        .getErr()
                        .println("outbox-relay: " + Code.CLASS_ARCHIVE_NOT_MADE + " " + archive
                                + " cannot be made; Java says: " + String.join("; ", failure));
                return ExitCode.FAILED;
            }
        } finally {
            Files.delete(list);
        }
        spec.commandLine().getOut().println(archive + ": " + Amounts.bytes(Files.size(archive)));
        return ExitCode.FINE;
    }

    /** The last that Java said where it failed; else nothing. */
    private static List<String> make(Path archive, Path list, String classPath)
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
        return java.waitFor() == 0 ? List.of() : said.subList(Math.max(0, said.size() - LAST_LINES), said.size());
    }
}
