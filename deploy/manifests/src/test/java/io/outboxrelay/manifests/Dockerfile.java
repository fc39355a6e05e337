package io.outboxrelay.manifests;

import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.type.TypeReference;

/** What {@code deploy/docker/Dockerfile} says, instruction by instruction. */
record Dockerfile(List<String> instructions) {

    static Dockerfile read() throws IOException {
        String text = Deploy.text("docker/Dockerfile").replaceAll("(?m)^\\s*#.*\n", "");
        return new Dockerfile(text.replaceAll("\\\\\n\\s*", " ")
                .lines()
                .filter(line -> !line.isBlank())
                .toList());
    }

    /** The command of ENTRYPOINT, CMD or HEALTHCHECK, which has to be in exec form, as nothing in the image reads another. */
    List<String> command(String instruction) throws IOException {
        Matcher list = Pattern.compile("\\[.*]$").matcher(the(instruction));
        if (!list.find()) {
            throw new AssertionError(instruction + " is not in exec form: " + the(instruction));
        }
        return Deploy.YAML.readValue(list.group(), new TypeReference<>() {});
    }

    /** The only instruction that begins with this. */
    String the(String beginning) {
        List<String> found =
                instructions.stream().filter(line -> line.startsWith(beginning)).toList();
        if (found.size() != 1) {
            throw new AssertionError(beginning + ": " + found);
        }
        return found.get(0);
    }
}
