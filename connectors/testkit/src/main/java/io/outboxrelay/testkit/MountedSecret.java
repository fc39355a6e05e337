package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.UUID;

/**
 * A directory with files that are replaced all at once, as Kubernetes does it with a mounted secret: each name is a link
 * into {@code ..data}, itself a link to a directory, and that link is what changes. Only their owner may read the files.
 */
public final class MountedSecret {

    private static final String DATA = "..data";

    private final Path directory;

    /**
     * @param directory exists and is empty
     * @param files texts by name
     */
    public MountedSecret(Path directory, Map<String, String> files) {
        this.directory = directory;
        replace(files);
        try {
            for (String name : files.keySet()) {
                Files.createSymbolicLink(file(name), Path.of(DATA, name));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One of the files. */
    public Path file(String name) {
        return directory.resolve(name);
    }

    /** Puts other texts in the place of all, at one moment. */
    public void replace(Map<String, String> files) {
        try {
            Path version = Files.createDirectory(directory.resolve(".." + UUID.randomUUID()));
            for (Map.Entry<String, String> file : files.entrySet()) {
                Path written = Files.createFile(
                        version.resolve(file.getKey()),
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
                Files.writeString(written, file.getValue());
            }
            Path link = Files.createSymbolicLink(directory.resolve("..data_tmp"), version.getFileName());
            Files.move(link, directory.resolve(DATA), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
