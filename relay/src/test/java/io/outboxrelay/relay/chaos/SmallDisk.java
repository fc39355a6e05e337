package io.outboxrelay.relay.chaos;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A file system of its own, in memory, that can be filled. Only root can make one. */
final class SmallDisk implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(SmallDisk.class);

    private static final String SIZE = "1500m";
    private static final int CHUNK = 1 << 20;

    private final Path directory;

    private SmallDisk(Path directory) {
        this.directory = directory;
    }

    /** Empty where the machine does not allow it. */
    static Optional<SmallDisk> mount() throws IOException {
        Path directory = Files.createTempDirectory("outbox-relay-disk-");
        if (run("mount", "-t", "tmpfs", "-o", "size=" + SIZE, "tmpfs", directory.toString())) {
            return Optional.of(new SmallDisk(directory));
        }
        Files.delete(directory);
        log.info("No disk is filled: mounting one was not allowed");
        return Optional.empty();
    }

    /** For whoever is to run out of room. */
    Path directory() {
        return directory.resolve("data");
    }

    /** Leaves no room. */
    void fill() {
        byte[] chunk = new byte[CHUNK];
        try (OutputStream out = Files.newOutputStream(directory.resolve("ballast"))) {
            while (true) {
                out.write(chunk);
            }
        } catch (IOException full) {
            log.debug("The disk is full", full);
        }
    }

    /** Gives the room back. */
    void empty() throws IOException {
        Files.deleteIfExists(directory.resolve("ballast"));
    }

    @Override
    public void close() throws IOException {
        if (!run("umount", directory.toString())) {
            throw new IOException("cannot unmount " + directory);
        }
        Files.delete(directory);
    }

    private static boolean run(String... command) throws IOException {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }
}
