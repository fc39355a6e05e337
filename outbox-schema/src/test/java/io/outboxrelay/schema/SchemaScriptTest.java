package io.outboxrelay.schema;

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
}
