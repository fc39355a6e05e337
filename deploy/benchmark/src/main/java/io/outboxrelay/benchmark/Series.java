package io.outboxrelay.benchmark;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * One figure of one subject in all rounds.
 *
 * @param workload its name
 * @param figure its name
 * @param unit in what
 * @param subject its name
 * @param moreIsBetter how to compare
 * @param rounds the values in their order, at least one
 */
record Series(String workload, String figure, String unit, String subject, boolean moreIsBetter, List<Double> rounds) {

    double median() {
        List<Double> sorted = fromBestToWorst();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    double best() {
        return fromBestToWorst().get(0);
    }

    double worst() {
        return fromBestToWorst().get(rounds.size() - 1);
    }

    private List<Double> fromBestToWorst() {
        List<Double> sorted = new ArrayList<>(rounds);
        sorted.sort(moreIsBetter ? Collections.reverseOrder() : null);
        return sorted;
    }
}
