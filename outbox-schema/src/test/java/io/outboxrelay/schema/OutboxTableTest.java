package io.outboxrelay.schema;

import java.util.Optional;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class OutboxTableTest {

    @Test
    void aTableIsQuotedForSqlAndPlainForPeople() {
        var table = new OutboxTable("My Shop", "Out\"box", OutboxColumns.DEFAULT);

        assertThat(table.quoted()).isEqualTo("\"My Shop\".\"Out\"\"box\"");
        assertThat(table).hasToString("My Shop.Out\"box");
    }

    @Test
    void aColumnNameThatPostgresCannotHoldIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new OutboxColumns(
                        "id", "a", "b", "c", "payload", Optional.of(""), Optional.empty(), Optional.empty()))
                .withMessageContaining("empty");
    }

    @Test
    void anEventIsMadeOfAllColumnsButTimeAndOrder() {
        assertThat(OutboxColumns.DEFAULT.ofEvent())
                .containsExactly("id", "aggregate_type", "aggregate_id", "type", "payload", "headers");
        assertThat(OutboxColumns.DEBEZIUM.ofEvent())
                .containsExactly("id", "aggregatetype", "aggregateid", "type", "payload");
    }
}
