package io.outboxrelay.schema;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class IdentifierTest {

    @ParameterizedTest
    @ValueSource(strings = {"outbox", "Out Box", "a;drop table b", "größe", "naïve'"})
    void anyNameThatPostgresCanHoldIsKeptAsItIsBetweenQuotes(String name) {
        assertThat(Identifier.quote(name)).isEqualTo('"' + name + '"');
    }

    @Test
    void quotesWithinANameAreDoubled() {
        assertThat(Identifier.quote("a\"; drop table b; --")).isEqualTo("\"a\"\"; drop table b; --\"");
    }

    @Test
    void aNameThatPostgresWouldCutIsRefused() {
        assertThat(Identifier.requireValid("x".repeat(63))).hasSize(63);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Identifier.requireValid("x".repeat(64)))
                .withMessageContaining("longer than 63 bytes");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Identifier.requireValid("ü".repeat(32)))
                .withMessageContaining("longer than 63 bytes");
    }

    @Test
    void aNameWithANulIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Identifier.requireValid("a\0b"))
                .withMessageContaining("NUL");
    }

    @Test
    void anEmptyNameIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Identifier.requireValid(""))
                .withMessageContaining("empty");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Identifier.requireValid(null))
                .withMessageContaining("empty");
    }
}
