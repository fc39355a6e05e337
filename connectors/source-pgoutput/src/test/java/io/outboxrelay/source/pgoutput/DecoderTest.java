package io.outboxrelay.source.pgoutput;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;

import io.outboxrelay.api.OutboxEvent;
import io.outboxrelay.postgres.RowKey;
import io.outboxrelay.schema.OutboxColumns;
import io.outboxrelay.schema.OutboxTable;
import io.outboxrelay.source.pgoutput.Decoder.Kind;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** On what a server of Postgres 18 sent, byte for byte; of the outbox as the project ships it, and another table. */
class DecoderTest {

    private static final String BEGIN = "420000000001ba6d380003047f9aefa742000002f5";
    private static final String OUTBOX =
            "52000040027075626c6963006f7574626f7800660008017365710000000014ffffffff01696400"
                    + "00000b86ffffffff016167677265676174655f747970650000000019ffffffff016167677265676174655f69640000000019ffffff"
                    + "ff01747970650000000019ffffffff017061796c6f61640000000edaffffffff01686561646572730000000edaffffffff01637265"
                    + "617465645f617400000004a0ffffffff";
    private static final String INSERT = "49000040024e000862000000080000000100000003620000001000112233445566778899aabb"
            + "ccddeeff62000000056f7264657262000000046f2dc3a46200000006706c616365646200000019017b2261223a205b312c20322e35"
            + "305d2c202262223a20317d6e62000000080002ea470ae86000";
    private static final String INSERT_OF_NULLS = "49000040024e00086200000008fffffffffffffffe6200000010ffffffffffffffff"
            + "ffffffffffffffff6e6e6e6e6200000003017b7d6e";
    private static final String OTHER =
            "52000040387075626c6963006f74686572006400020169640000000017ffffffff00740000000019ffffffff";
    private static final String INSERT_INTO_OTHER = "49000040384e0002620000000400000001620000000178";
    private static final String COMMIT = "43000000000001ba6d380000000001ba6d680003047f9aefa742";
    private static final String UPDATE = "55000040024f00086200000008fffffffffffffffe6200000010ffffffffffffffffffffffff"
            + "ffffffff6e6e6e6e6200000003017b7d6e4e00086200000008fffffffffffffffe6200000010ffffffffffffffffffffffffffffff"
            + "ff6e6e62000000076368616e6765646e6200000003017b7d6e";
    private static final String DELETE = "44000040024f00086200000008fffffffffffffffe6200000010ffffffffffffffffffffffff"
            + "ffffffff6e6e62000000076368616e6765646e6200000003017b7d6e";
    private static final String TRUNCATE = "54000000010000004038";
    private static final String MESSAGE = "4d010000000001ba7ba06f7574626f78000000000d7b226964223a20226d2d31227d";

    private final Decoder decoder = decoder(Optional.of("seq"));

    @Test
    void aRowIsReadWithItsTransactionAndItsPlace() throws SQLException {
        read(BEGIN);
        read(OUTBOX);

        assertThat(read(INSERT)).isEqualTo(Kind.EVENT);

        OutboxEvent event = decoder.event();
        assertThat(event.id()).isEqualTo("00112233-4455-6677-8899-aabbccddeeff");
        assertThat(event.aggregateType()).isEqualTo("order");
        assertThat(event.aggregateId()).isEqualTo("o-ä");
        assertThat(event.type()).isEqualTo("placed");
        assertThat(new String(event.payload(), StandardCharsets.UTF_8)).isEqualTo("{\"a\": [1, 2.50], \"b\": 1}");
        assertThat(event.headers()).isNull();
        assertThat(event.occurredAt())
                .isBetween(Instant.parse("2026-01-01T00:00:00Z"), Instant.parse("2027-01-01T00:00:00Z"));
        assertThat(event.position()).isEqualTo(new RowPosition(0x1BA6D38, 0));
        assertThat(decoder.key()).isEqualTo(new RowKey(4294967299L, 0x2f5));
    }

    @Test
    void nullsAreNullsAndTheNextRowHasTheNextPlace() throws SQLException {
        read(BEGIN);
        read(OUTBOX);
        read(INSERT);

        assertThat(read(INSERT_OF_NULLS)).isEqualTo(Kind.EVENT);

        OutboxEvent event = decoder.event();
        assertThat(event.id()).isEqualTo("ffffffff-ffff-ffff-ffff-ffffffffffff");
        assertThat(event.aggregateType()).isNull();
        assertThat(event.aggregateId()).isNull();
        assertThat(event.type()).isNull();
        assertThat(event.payload()).isNull();
        assertThat(event.headers()).isEqualTo("{}");
        assertThat(event.position()).isEqualTo(new RowPosition(0x1BA6D38, 1));
        assertThat(decoder.key()).isEqualTo(new RowKey(-2L, 0x2f5));
    }

    @Test
    void aTransactionIsOpenFromItsBeginningToItsCommitWhichTellsItsEnd() throws SQLException {
        assertThat(decoder.isInTransaction()).isFalse();
        read(BEGIN);
        assertThat(decoder.isInTransaction()).isTrue();

        assertThat(read(COMMIT)).isEqualTo(Kind.COMMIT);

        assertThat(decoder.isInTransaction()).isFalse();
        assertThat(decoder.end()).isEqualTo(0x1BA6D68);
    }

    @Test
    void rowsOfOtherTablesDeletesAndTruncatesAreNothing() throws SQLException {
        read(BEGIN);
        read(OUTBOX);
        assertThat(read(OTHER)).isEqualTo(Kind.OTHER);
        assertThat(read(INSERT_INTO_OTHER)).isEqualTo(Kind.OTHER);
        assertThat(read(DELETE)).isEqualTo(Kind.OTHER);
        assertThat(read(TRUNCATE)).isEqualTo(Kind.OTHER);
    }

    @Test
    void anUpdateTellsTheIdOfTheNewRow() throws SQLException {
        read(BEGIN);
        read(OUTBOX);

        assertThat(read(UPDATE)).isEqualTo(Kind.UPDATE);

        assertThat(decoder.updated()).isEqualTo("ffffffff-ffff-ffff-ffff-ffffffffffff");
    }

    @Test
    void aTransactionalMessageOfThePrefixIsAnEventWithoutARow() throws SQLException {
        read(BEGIN);

        assertThat(read(MESSAGE)).isEqualTo(Kind.EVENT);

        assertThat(decoder.event().id()).isEqualTo("m-1");
        assertThat(decoder.event().position()).isEqualTo(new RowPosition(0x1BA6D38, 0));
        assertThat(decoder.key().value()).isNull();
        assertThat(read(MESSAGE.replaceFirst("4d01", "4d00"))).isEqualTo(Kind.OTHER);
        assertThat(read(MESSAGE.replaceFirst("6f75", "6f76"))).isEqualTo(Kind.OTHER);
    }

    @Test
    void withoutASequenceARowIsFoundAgainByItsId() throws SQLException {
        OutboxColumns columns = OutboxColumns.DEFAULT;
        OutboxTable table = new OutboxTable(
                "public",
                "outbox",
                new OutboxColumns(
                        columns.id(),
                        columns.aggregateType(),
                        columns.aggregateId(),
                        columns.type(),
                        columns.payload(),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty()));
        Decoder byId = new Decoder(table, Optional.of("id"), Optional.empty(), oid -> Optional.empty());
        for (String message : new String[] {BEGIN, OUTBOX, INSERT}) {
            byId.read(bytes(message));
        }

        assertThat(byId.key()).isEqualTo(new RowKey("00112233-4455-6677-8899-aabbccddeeff", 0x2f5));
        assertThat(byId.event().headers()).isNull();
    }

    @Test
    void aMessageOfAKindThatIsNotKnownIsRefused() {
        assertThatThrownBy(() -> read("53000000"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("unknown kind 83");
    }

    private Kind read(String hex) throws SQLException {
        return decoder.read(bytes(hex));
    }

    private static Decoder decoder(Optional<String> key) {
        return new Decoder(OutboxTable.DEFAULT, key, Optional.of("outbox"), oid -> Optional.empty());
    }

    /** As the driver gives it: in the middle of an array. */
    private static ByteBuffer bytes(String hex) {
        byte[] header = new byte[25];
        byte[] bytes = HexFormat.of().parseHex(HexFormat.of().formatHex(header) + hex);
        return ByteBuffer.wrap(bytes, header.length, bytes.length - header.length)
                .slice();
    }
}
