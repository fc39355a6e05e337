package io.outboxrelay.schema;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

class SchemaScriptTest {

    @ParameterizedTest
    @EnumSource
    void everyScriptShips(SchemaScript script) {
        assertThat(script.sql()).startsWith("--").endsWith(";\n");
    }

    @ParameterizedTest
    @EnumSource
    void noToolMistakesAnythingForItsOwnSyntax(SchemaScript script) {
        assertThat(script.sql()).as("placeholders of Flyway and Liquibase").doesNotContain("${");
        assertThat(script.sql().lines())
                .as("meta commands of psql, outside of comments")
                .noneMatch(line -> line.startsWith("\\"));
    }

    @ParameterizedTest
    @EnumSource
    void noScriptHoldsAPassword(SchemaScript script) {
        assertThat(script.sql()).doesNotContainIgnoringCase("password '");
    }

    @ParameterizedTest
    @EnumSource
    void aScriptIsItsStatements(SchemaScript script) {
        assertThat(withoutComments(String.join("\n", script.statements()))).isEqualTo(withoutComments(script.sql()));
        assertThat(script.statements())
                .allSatisfy(statement -> assertThat(withoutComments(statement)).matches("(?s)[A-Z].*;"));
    }

    @Test
    void aStatementHasTheCommentAboveItAndNotTheScripts() {
        assertThat(SchemaScript.TABLE.statements()).hasSize(2);
        assertThat(SchemaScript.TABLE.statements().get(0)).startsWith("CREATE TABLE outbox (\n    -- The order");
        assertThat(SchemaScript.TABLE.statements().get(1)).startsWith("-- What the log hands to the relay: inserts.");
    }

    private static String withoutComments(String sql) {
        return sql.replaceAll("--[^\\n]*\\n", "").replaceAll("\\s+", " ").strip();
    }
}
