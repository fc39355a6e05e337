package io.outboxrelay.manifests;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

class MonitoringTest {

    private static final Pattern METRIC = Pattern.compile("\\b(?:outbox_relay|jvm|process|system)_[a-z0-9_]+\\b");

    @Test
    void rulesAndDashboardNameOnlyMetricsThatAreDocumented() throws IOException {
        Set<String> documented = metrics(Files.readString(Deploy.TOP.resolve("docs/metrics.md")));
        List<String> expressions = new ArrayList<>(expressions());
        rules().forEach(rule -> expressions.add(rule.path("expr").asText()));

        assertThat(expressions).hasSizeGreaterThan(30);
        for (String expression : expressions) {
            assertThat(metrics(expression)).as(expression).isSubsetOf(documented);
        }
    }

    @Test
    void everyAlertHasASectionOfTheOperationsManualWithItsName() throws IOException {
        List<String> headings = Files.readString(Deploy.TOP.resolve("docs/operations.md"))
                .lines()
                .filter(line -> line.startsWith("### "))
                .map(line -> line.substring(4))
                .toList();

        assertThat(rules()).isNotEmpty().allSatisfy(rule -> {
            String name = rule.path("alert").asText();
            assertThat(headings).contains(name);
            assertThat(rule.at("/annotations/runbook_url").asText())
                    .isEqualTo("docs/operations.md#" + name.toLowerCase(Locale.ROOT));
            assertThat(rule.at("/annotations/summary").asText()).isNotEmpty();
            assertThat(rule.at("/labels/severity").asText()).isIn("warning", "critical");
        });
    }

    @Test
    void thePanelsOfTheDashboardHaveNamesAndDoNotOverlap() throws IOException {
        Set<String> cells = new TreeSet<>();
        for (JsonNode panel : dashboard().path("panels")) {
            assertThat(panel.path("title").asText()).isNotEmpty();
            JsonNode at = panel.path("gridPos");
            for (int x = 0; x < at.path("w").asInt(); x++) {
                for (int y = 0; y < at.path("h").asInt(); y++) {
                    int column = at.path("x").asInt() + x;
                    assertThat(column).isLessThan(24);
                    assertThat(cells.add(column + "/" + (at.path("y").asInt() + y)))
                            .as(panel.path("title").asText())
                            .isTrue();
                }
            }
        }
        Set<Integer> ids = new TreeSet<>();
        dashboard()
                .path("panels")
                .forEach(panel -> assertThat(ids.add(panel.path("id").asInt())).isTrue());
    }

    @Test
    void prometheusUnderstandsTheRulesAndTheyFireWhenTheyShould() throws Exception {
        assumeThat(Deploy.has("promtool")).isTrue();
        String folder = Deploy.FOLDER.resolve("monitoring").toString();

        assertThat(Deploy.output("promtool", "check", "rules", folder + "/alerts.yml"))
                .contains("SUCCESS");
        assertThat(Deploy.output("promtool", "test", "rules", folder + "/alerts-test.yml"))
                .contains("SUCCESS");
    }

    private static List<JsonNode> rules() throws IOException {
        List<JsonNode> rules = new ArrayList<>();
        for (JsonNode group : Deploy.yaml("monitoring/alerts.yml").path("groups")) {
            group.path("rules").forEach(rules::add);
        }
        return rules;
    }

    private static List<String> expressions() throws IOException {
        List<String> expressions = new ArrayList<>();
        for (JsonNode panel : dashboard().path("panels")) {
            panel.path("targets")
                    .forEach(target -> expressions.add(target.path("expr").asText()));
        }
        for (JsonNode variable : dashboard().at("/templating/list")) {
            if (variable.path("type").asText().equals("query")) {
                expressions.add(variable.path("definition").asText());
            }
        }
        return expressions;
    }

    private static JsonNode dashboard() throws IOException {
        return Deploy.yaml("monitoring/dashboard.json");
    }

    /** A histogram is documented by its own name, and asked for by its parts. */
    private static Set<String> metrics(String text) {
        Set<String> names = new TreeSet<>();
        Matcher matcher = METRIC.matcher(text);
        while (matcher.find()) {
            names.add(matcher.group().replaceFirst("_(bucket|sum|count)$", ""));
        }
        return names;
    }
}
