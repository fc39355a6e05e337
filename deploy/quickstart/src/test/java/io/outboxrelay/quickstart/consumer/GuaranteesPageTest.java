package io.outboxrelay.quickstart.consumer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

final class GuaranteesPageTest {

    private static final Path PAGE = Path.of("../../docs/guarantees.md");
    private static final Path CODE =
            Path.of("src/main/java/io/outboxrelay/quickstart/consumer/DeduplicatingConsumer.java");

    @Test
    void thePageShowsTheConsumerAsItIs() throws IOException {
        String shown = between(
                PAGE,
                "<!-- snippet: deduplicating-consumer -->\n```java\n",
                "```\n<!-- end snippet: deduplicating-consumer -->");
        String code = between(CODE, "    // snippet: deduplicating-consumer\n", "    // end snippet\n");
        assertThat(shown).isEqualTo(code.stripTrailing().stripIndent() + "\n");
    }

    private static String between(Path file, String begin, String end) throws IOException {
        Matcher part = Pattern.compile(Pattern.quote(begin) + "(.*?)" + Pattern.quote(end), Pattern.DOTALL)
                .matcher(Files.readString(file));
        assertThat(part.find())
                .withFailMessage("%s has no part between %s and %s", file, begin, end)
                .isTrue();
        return part.group(1);
    }
}
