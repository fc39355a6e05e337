package io.outboxrelay.relay.docs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import io.outboxrelay.api.Code;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ErrorCodesTest {

    private static final Path PAGE = Path.of("..", "docs", "errors.md");

    private static final Pattern ENTRY = Pattern.compile("(?m)^### (OR-\\d{4})\\n\\n\\*\\*(.+)\\.\\*\\*\\n\\n"
            + "- \\*Cause:\\* .+\\n(?:  .+\\n)*- \\*Effect:\\* .+\\n(?:  .+\\n)*- \\*Remedy:\\* .+\\n(?:  .+\\n)*");

    private static final Pattern WARNING = Pattern.compile("\\blog\\s*\\.(?:warn|error)\\(");

    /** A text that begins with a place for the code, in as many pieces as it has; and then the code. */
    private static final Pattern CODED = Pattern.compile(WARNING.pattern()
            + "\\s*\"\\{} (?:[^\"\\\\]|\\\\.)*\"(?:\\s*\\+\\s*\"(?:[^\"\\\\]|\\\\.)*\")*,"
            + "\\s*(?:Code\\.[A-Z_]+|code\\b|\\w+(?:\\.\\w+\\(\\))*\\.code\\(\\))");

    @Test
    void thePageTellsCauseEffectAndRemedyOfEveryCodeInTheOrderOfTheCodes() throws IOException {
        String page = Files.readString(PAGE);

        assertThat(ENTRY.matcher(page).results().map(entry -> entry.group(1) + " " + entry.group(2)))
                .containsExactlyElementsOf(Arrays.stream(Code.values())
                        .map(code -> code.id() + " " + code.title())
                        .toList());
        assertThat(Pattern.compile("(?m)^### ").matcher(page).results())
                .as("headings, each of which is a whole entry")
                .hasSize(Code.values().length);
    }

    @Test
    void noCodeIsGivenTwiceAndNoTitle() {
        assertThat(Arrays.stream(Code.values()).map(Code::id)).doesNotHaveDuplicates();
        assertThat(Arrays.stream(Code.values()).map(Code::title)).doesNotHaveDuplicates();
    }

    @Test
    void everyCodeIsUsed() throws IOException {
        List<String> sources = mainSources();

        assertThat(Code.values())
                .allSatisfy(code -> assertThat(sources)
                        .as(code.name())
                        .anyMatch(source -> Pattern.compile("\\bCode\\." + code.name() + "\\b")
                                .matcher(source)
                                .find()));
    }

    @Test
    void everyWarningAndErrorInTheLogBeginsWithACode() throws IOException {
        List<String> without = new ArrayList<>();
        int statements = 0;
        for (String source : mainSources()) {
            Matcher warnings = WARNING.matcher(source);
            while (warnings.find()) {
                statements++;
                if (!CODED.matcher(source)
                        .region(warnings.start(), source.length())
                        .lookingAt()) {
                    without.add(source.substring(warnings.start(), source.indexOf(';', warnings.start())));
                }
            }
        }

        assertThat(without).isEmpty();
        assertThat(statements).as("statements looked at").isGreaterThan(40);
    }

    @Test
    void linksToCodesInTheDocumentsLeadSomewhere() throws IOException {
        List<String> known = Arrays.stream(Code.values()).map(Code::id).toList();
        try (Stream<Path> documents = Files.walk(PAGE.getParent())) {
            for (Path document :
                    documents.filter(path -> path.toString().endsWith(".md")).toList()) {
                assertThat(Pattern.compile("\\bOR-\\d{4}\\b")
                                .matcher(Files.readString(document))
                                .results()
                                .map(MatchResult::group))
                        .as("%s", document)
                        .isSubsetOf(known);
            }
        }
    }

    /** Of all modules that ship. */
    private static List<String> mainSources() throws IOException {
        List<String> sources = new ArrayList<>();
        for (Path module : List.of(Path.of(""), Path.of("..", "connectors"), Path.of("..", "outbox-schema"))) {
            try (Stream<Path> files = Files.walk(module)) {
                for (Path file : files.filter(ErrorCodesTest::isMainSource).toList()) {
                    sources.add(Files.readString(file));
                }
            }
        }
        return sources;
    }

    private static boolean isMainSource(Path file) {
        String path = file.toString().replace('\\', '/');
        return path.contains("src/main/java/") && path.endsWith(".java") && !path.contains("testkit");
    }
}
