package io.outboxrelay.source.pgoutput;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ColumnTypeTest {

    @Test
    void wholeNumbersKeepTheirSign() {
        assertThat(ColumnType.INT2.text(new byte[] {9, -1, -2, 9}, 1, 2)).isEqualTo("-2");
        assertThat(ColumnType.INT4.text(new byte[] {0x7f, -1, -1, -1}, 0, 4)).isEqualTo("2147483647");
        assertThat(ColumnType.INT8.text(new byte[] {(byte) 0x80, 0, 0, 0, 0, 0, 0, 0}, 0, 8))
                .isEqualTo("-9223372036854775808");
    }

    @Test
    void bytesAreThemselvesAsAPayloadAndHexadecimalAsText() {
        byte[] bytes = {1, 0, -1, 2};
        assertThat(ColumnType.BYTEA.payload(bytes, 1, 2)).containsExactly(0, 0xff);
        assertThat(ColumnType.BYTEA.text(bytes, 1, 2)).isEqualTo("\\x00ff");
    }

    @Test
    void bytesThatWereSentAsTextAreReadFromIt() {
        byte[] text = "..\\x00ff".getBytes(StandardCharsets.UTF_8);
        assertThat(ColumnType.BYTEA.payloadOfText(text, 2, 6)).containsExactly(0, 0xff);
        assertThat(ColumnType.TEXT.payloadOfText(text, 2, 6)).asString().isEqualTo("\\x00ff");
    }

    @Test
    void jsonbOfAnotherVersionIsRefused() {
        assertThatThrownBy(() -> ColumnType.JSONB.payload(new byte[] {2, '1'}, 0, 2))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("version 2");
    }
}
