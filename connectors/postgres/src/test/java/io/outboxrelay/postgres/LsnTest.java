package io.outboxrelay.postgres;

import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class LsnTest {

    @ParameterizedTest
    @ValueSource(strings = {"0/0", "0/16B3748", "16/B374D848", "1/0", "FFFFFFFF/FFFFFFFF", "80000000/1"})
    void anLsnIsPrintedAsItWasRead(String text) {
        assertThat(Lsn.parse(text)).hasToString(text);
    }

    @Test
    void lsnsAreOrderedAsUnsignedNumbers() {
        assertThat(Stream.of("FFFFFFFF/0", "0/FFFFFFFF", "1/0", "7FFFFFFF/FFFFFFFF", "80000000/0")
                        .map(Lsn::parse)
                        .sorted())
                .extracting(Lsn::toString)
                .containsExactly("0/FFFFFFFF", "1/0", "7FFFFFFF/FFFFFFFF", "80000000/0", "FFFFFFFF/0");
        assertThat(Lsn.parse("80000000/0").isAfter(Lsn.parse("7FFFFFFF/0"))).isTrue();
        assertThat(Lsn.parse("1/0").isAfter(Lsn.parse("1/0"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/", "0", "0/", "/0", "0/G", "0/1FFFFFFFF", "0/0/0", " 0/0"})
    void whatIsNoLsnIsRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Lsn.parse(text)).withMessageContaining(text);
    }
}
