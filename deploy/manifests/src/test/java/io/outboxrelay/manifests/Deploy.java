package io.outboxrelay.manifests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** What is in {@code deploy/}, and the programs that look at it. */
final class Deploy {

    /** The folder itself. */
    static final Path FOLDER = Path.of("..");

    /** The top of the repository. */
    static final Path TOP = Path.of("../..");

    /** For YAML and JSON alike; refuses a key that stands twice. */
    static final ObjectMapper YAML = YAMLMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    private Deploy() {}

    static JsonNode yaml(String file) throws IOException {
        return YAML.readTree(FOLDER.resolve(file).toFile());
    }

    static String text(String file) throws IOException {
        return Files.readString(FOLDER.resolve(file));
    }

    /** What the program prints. Fails with all it says where it ends with anything but 0. */
    static String output(String... command) throws IOException, InterruptedException {
        Path errors = Files.createTempFile("errors", ".txt");
        Process process =
                new ProcessBuilder(command).redirectError(errors.toFile()).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue())
                .as("%s said: %s%s", List.of(command), output, Files.readString(errors))
                .isZero();
        Files.delete(errors);
        return output;
    }

    /** Whether there is such a program on the path. */
    static boolean has(String program) throws IOException, InterruptedException {
        return new ProcessBuilder("sh", "-c", "command -v " + program)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                == 0;
    }
}
