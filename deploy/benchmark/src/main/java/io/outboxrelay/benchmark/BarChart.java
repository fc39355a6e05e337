package io.outboxrelay.benchmark;

import java.util.List;
import java.util.Locale;

/**
 * A picture of one figure in SVG: a bar for each subject's median, and a line from its best to its worst round.
 *
 * @param title above it
 * @param bars of one figure, at least one
 */
record BarChart(String title, List<Series> bars) {

    private static final int WIDTH = 760;
    private static final int LEFT = 230;
    private static final int RIGHT = 90;
    private static final int TOP = 60;
    private static final int STEP = 32;
    private static final int THICKNESS = 20;

    String svg() {
        double most = bars.stream()
                .mapToDouble(bar -> Math.max(bar.best(), bar.worst()))
                .max()
                .orElseThrow();
        double perUnit = most > 0 ? (WIDTH - LEFT - RIGHT) / most : 0;
        int height = TOP + bars.size() * STEP + 10;
        Series first = bars.get(0);
        StringBuilder svg = new StringBuilder(String.format(
                Locale.ROOT,
                """
                <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d" \
                font-family="sans-serif" font-size="13">
                <rect width="%1$d" height="%2$d" fill="#ffffff"/>
                <text x="12" y="22" font-size="15" font-weight="bold" fill="#1f2328">%3$s</text>
                <text x="12" y="42" fill="#59636e">%4$s, %5$s: %6$s is better</text>
                """,
                WIDTH,
                height,
                escaped(title),
                escaped(first.figure()),
                escaped(first.unit()),
                first.moreIsBetter() ? "more" : "less"));
        for (int i = 0; i < bars.size(); i++) {
            svg.append(bar(bars.get(i), TOP + i * STEP, perUnit));
        }
        return svg.append("</svg>\n").toString();
    }

    private static String bar(Series series, int y, double perUnit) {
        double end = LEFT + series.median() * perUnit;
        double low = LEFT + Math.min(series.best(), series.worst()) * perUnit;
        double high = LEFT + Math.max(series.best(), series.worst()) * perUnit;
        return String.format(
                Locale.ROOT,
                """
                <text x="%1$d" y="%2$d" text-anchor="end" fill="#1f2328">%3$s</text>
                <rect x="%4$d" y="%5$d" width="%6$.1f" height="%7$d" fill="%8$s"/>
                <line x1="%9$.1f" y1="%10$d" x2="%11$.1f" y2="%10$d" stroke="#1f2328" stroke-width="2"/>
                <text x="%12$.1f" y="%2$d" fill="#1f2328">%13$s</text>
                """,
                LEFT - 8,
                y + THICKNESS - 5,
                escaped(series.subject()),
                LEFT,
                y,
                end - LEFT,
                THICKNESS,
                series.subject().startsWith("relay-") ? "#2da44e" : "#8c959f",
                low,
                y + THICKNESS / 2,
                high,
                Math.max(end, high) + 6,
                Report.number(series.median()));
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace("\"", "&quot;");
    }
}
