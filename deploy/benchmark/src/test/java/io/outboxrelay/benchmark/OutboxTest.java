package io.outboxrelay.benchmark;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;

import io.outboxrelay.testkit.KafkaServer;
import io.outboxrelay.testkit.PostgresServer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

final class OutboxTest {

    @Test
    void rowsAreNumberedAndOfTheSizeThatIsTold() throws Exception {
        try (Outbox outbox = Outbox.create(PostgresServer.shared().createDatabase(), KafkaServer.shared(), "rows");
                Connection connection = outbox.connect();
                PreparedStatement insert = Outbox.inserting(connection, Rows.of(25));
                Statement statement = connection.createStatement()) {
            outbox.commit(Rows.of(25));
            insert.setArray(1, connection.createArrayOf("bigint", new Long[] {25L, 26L}));
            insert.executeUpdate();

            try (ResultSet row = statement.executeQuery("SELECT count(DISTINCT payload->>'n'), count(*),"
                    + " avg(pg_column_size(outbox.*)), count(DISTINCT xmin::text) FROM outbox")) {
                row.next();
                assertThat(row.getInt(1)).isEqualTo(27);
                assertThat(row.getInt(2)).isEqualTo(27);
                assertThat(row.getInt(3)).isBetween(270, 290);
                assertThat(row.getInt(4)).isEqualTo(4);
            }
            try (ResultSet row =
                    statement.executeQuery("SELECT payload::text FROM outbox WHERE (payload->>'n')::int = 17")) {
                row.next();
                byte[] payload = row.getString(1).getBytes(UTF_8);
                assertThat(Topic.numberOf(new ConsumerRecord<>("rows", 0, 0, "order-17", payload)))
                        .isEqualTo(17);
            }
        }
    }

    @Test
    void rowsOfOtherKindsAreAsLargeAndAsManyInATransactionAsIsAsked() throws Exception {
        try (Outbox outbox = Outbox.create(PostgresServer.shared().createDatabase(), KafkaServer.shared(), "kinds");
                Connection connection = outbox.connect();
                Statement statement = connection.createStatement()) {
            outbox.commit(Rows.of(12).perTransaction(5).ofAggregates(3).withFiller(10_000));

            try (ResultSet row =
                    statement.executeQuery("SELECT min(length(payload->>'filler')), count(DISTINCT aggregate_id),"
                            + " count(DISTINCT xmin::text), count(DISTINCT payload->>'filler') FROM outbox")) {
                row.next();
                assertThat(row.getInt(1)).isEqualTo(10_000);
                assertThat(row.getInt(2)).isEqualTo(3);
                assertThat(row.getInt(3)).isEqualTo(3);
                assertThat(row.getInt(4)).isEqualTo(12);
            }
        }
    }

    @Test
    void theRowsBeforeASlotAreCountedAndStayThere() throws Exception {
        try (Outbox outbox = Outbox.create(PostgresServer.shared().createDatabase(), KafkaServer.shared(), "slot")) {
            outbox.commit(Rows.of(3));
            assertThat(outbox.hasSlot("counted")).isFalse();
            outbox.createSlot("counted");
            assertThat(outbox.hasSlot("counted")).isTrue();
            outbox.commit(Rows.of(25));
            assertThat(outbox.insertsBefore("counted")).isEqualTo(25);
            assertThat(outbox.insertsBefore("counted")).isEqualTo(25);
        }
    }

    @Test
    void whatTheTopicHoldsIsReadToItsEnd() throws Exception {
        KafkaServer kafka = KafkaServer.shared();
        try (Outbox outbox = Outbox.create(PostgresServer.shared().createDatabase(), kafka, "read");
                Topic topic = new Topic(outbox)) {
            assertThat(topic.size()).isZero();
            topic.readAll(record -> {
                throw new AssertionError("there is none");
            });
            assertThat(topic.poll()).isEqualTo(List.of());
        }
    }
}
