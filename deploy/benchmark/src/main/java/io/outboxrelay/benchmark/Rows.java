package io.outboxrelay.benchmark;

import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What rows a workload has, numbered from 0. A row's content is made of its number alone, so every run has the same; about
 * half of a payload is text that repeats, as the names of JSON do.
 *
 * @param count how many
 * @param perTransaction how many in one transaction
 * @param aggregates of how many aggregates, in turn
 * @param fillerBytes how much text the payload holds beside the number
 */
record Rows(int count, int perTransaction, int aggregates, int fillerBytes) {

    /** With this and the other columns a row takes 280 bytes in the table. */
    private static final int USUAL_FILLER = 150;

    private static final int USUAL_AGGREGATES = 10_000;

    private static final String REPEATING = ("customer shipping-address street postal-code city country"
                    + " total-amount currency line-items quantity unit-price")
            .substring(0, USUAL_FILLER - 64);

    /** Ten in a transaction, 280 bytes each, of 10,000 aggregates. */
    static Rows of(int count) {
        return new Rows(count, 10, USUAL_AGGREGATES, USUAL_FILLER);
    }

    Rows perTransaction(int rows) {
        return new Rows(count, rows, aggregates, fillerBytes);
    }

    Rows ofAggregates(int number) {
        return new Rows(count, perTransaction, number, fillerBytes);
    }

    Rows withFiller(int bytes) {
        return new Rows(count, perTransaction, aggregates, bytes);
    }

    /** The start of an INSERT that makes a row of each {@code n}; its FROM is to be appended. */
    String insert() {
        String filler = IntStream.range(0, (fillerBytes + USUAL_FILLER - 1) / USUAL_FILLER)
                .mapToObj(i -> "md5((n + " + i + ")::text) || md5((-1 - n - " + i + ")::text) || '" + REPEATING + "'")
                .collect(Collectors.joining(" || "));
        return "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload)"
                + " SELECT 'order', 'order-' || n % " + aggregates + ", 'OrderPlaced',"
                + " jsonb_build_object('n', n, 'filler', left(" + filler + ", " + fillerBytes + "))";
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%,d rows%s, %,d in a transaction, of %,d aggregates",
                count,
                fillerBytes == USUAL_FILLER ? "" : String.format(Locale.ROOT, " of %,d bytes", fillerBytes),
                perTransaction,
                aggregates);
    }
}
