package io.outboxrelay.relay.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** The findings as one HTML file that needs nothing else: figures, a timeline, and the tables. */
final class ReportPage {

    private static final int WIDTH = 1160;
    private static final int LEFT = 60;
    private static final int RIGHT = 10;
    private static final int RATE_TOP = 24;
    private static final int RATE_HEIGHT = 170;
    private static final int LAG_TOP = 230;
    private static final int LAG_HEIGHT = 110;
    private static final int FAULTS_TOP = 366;
    private static final int LANE = 16;
    private static final int HEIGHT = FAULTS_TOP + 3 * LANE + 34;
    private static final int MOST_POINTS = 550;
    private static final int MOST_TICKS = 12;

    private final Findings findings;
    private final double seconds;

    ReportPage(Findings findings) {
        this.findings = findings;
        this.seconds = Math.max(1, findings.length().toMillis() / 1000.0);
    }

    String html() {
        return """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>outbox-relay: chaos, seed %SEED%</title>
                <style>%STYLE%</style>
                </head>
                <body>
                <main>
                <h1>Chaos, seed %SEED%</h1>
                <p class="verdict %CLASS%">%VERDICT%</p>
                <section class="figures">%FIGURES%</section>
                <h2>What happened</h2>
                %TIMELINE%
                <h2>By kind of fault</h2>
                <p>Times count from the mending, “not ready” from the breaking: of the relay that was reading then. A probe
                asks ten times a second.</p>
                <div class="wide">%KINDS%</div>
                <h2>Offences</h2>
                <pre>%OFFENCES%</pre>
                <h2>All faults</h2>
                <div class="wide">%FAULTS%</div>
                </main>
                </body>
                </html>
                """.replace("%STYLE%", STYLE)
                .replace("%SEED%", Long.toString(findings.seed()))
                .replace("%CLASS%", findings.broken().isEmpty() ? "good" : "bad")
                .replace("%VERDICT%", verdict())
                .replace("%FIGURES%", figures())
                .replace("%TIMELINE%", timeline())
                .replace("%KINDS%", table(findings.kinds(), 0))
                .replace("%OFFENCES%", escape(findings.verdict().report()))
                .replace("%FAULTS%", table(faults(), 2));
    }

    private String verdict() {
        return findings.broken().isEmpty()
                ? "Nothing lost, nothing out of order, nothing that was rolled back."
                : "The promise was broken " + findings.broken().size() + " times.";
    }

    private String figures() {
        return findings.figures().stream()
                .map(row -> "<div><b>" + escape(row.get(1)) + "</b><span>" + escape(row.get(0)) + "</span></div>")
                .collect(Collectors.joining("\n"));
    }

    private List<List<String>> faults() {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of(
                "number", "at", "fault", "broken for", "all delivered after", "not ready after", "whole after"));
        for (Outcome outcome : findings.outcomes()) {
            rows.add(List.of(
                    Integer.toString(outcome.fault().number()),
                    clock(outcome.began().toMillis() / 1000.0),
                    outcome.fault().kind().text(),
                    Findings.seconds(outcome.mended().minus(outcome.began())),
                    Findings.seconds(outcome.recovery()),
                    outcome.unready().map(Findings::seconds).orElse("–"),
                    Findings.seconds(outcome.whole())));
        }
        findings.skipped()
                .forEach(fault -> rows.add(List.of(
                        Integer.toString(fault.number()),
                        "–",
                        fault.kind().text() + " (not possible on this machine)",
                        "–",
                        "–",
                        "–",
                        "–")));
        return rows;
    }

    private String timeline() {
        List<Point> points = points();
        double mostRate = Math.max(
                1,
                points.stream()
                        .mapToDouble(p -> Math.max(p.delivered(), p.committed()))
                        .max()
                        .orElse(1));
        double mostLag =
                Math.max(1, points.stream().mapToDouble(Point::lag).max().orElse(1));
        StringBuilder svg = new StringBuilder();
        svg.append("<svg viewBox=\"0 0 " + WIDTH + " " + HEIGHT + "\" role=\"img\" aria-label=\"Throughput, lag and"
                + " faults over time\">");
        ticks(svg);
        lane(svg, RATE_TOP, RATE_HEIGHT, "events per second", mostRate);
        area(svg, points, "delivered", Point::delivered, RATE_TOP, RATE_HEIGHT, mostRate);
        line(svg, points, "committed", Point::committed, RATE_TOP, RATE_HEIGHT, mostRate);
        lane(svg, LAG_TOP, LAG_HEIGHT, "events committed and not delivered", mostLag);
        area(svg, points, "lag", Point::lag, LAG_TOP, LAG_HEIGHT, mostLag);
        int top = FAULTS_TOP;
        for (FaultKind.Category category : FaultKind.Category.values()) {
            marks(svg, category, top);
            top += LANE;
        }
        return svg.append("</svg><p class=\"legend\"><i class=\"delivered\"></i>delivered <i class=\"committed\"></i>"
                        + "committed <i class=\"lag\"></i>lag <i class=\"broken\"></i>broken"
                        + " <i class=\"recovering\"></i>until all is delivered and both relays are ready</p>")
                .toString();
    }

    /** Of an interval: rates in it, and the lag at its end. */
    private record Point(double second, double committed, double delivered, double lag) {}

    private List<Point> points() {
        List<Sample> samples = findings.samples();
        int step = Math.max(1, samples.size() / MOST_POINTS);
        List<Point> points = new ArrayList<>();
        for (int i = step; i < samples.size(); i += step) {
            Sample from = samples.get(i - step);
            Sample to = samples.get(i);
            double length = Math.max(0.001, to.at().minus(from.at()).toMillis() / 1000.0);
            points.add(new Point(
                    to.at().toMillis() / 1000.0,
                    (to.committed() - from.committed()) / length,
                    (to.delivered() - from.delivered() + to.duplicates() - from.duplicates()) / length,
                    to.lag()));
        }
        return points;
    }

    private void ticks(StringBuilder svg) {
        int step = 5;
        for (int next : new int[] {10, 15, 30, 60, 120, 300, 600}) {
            if (seconds / step > MOST_TICKS) {
                step = next;
            }
        }
        int bottom = FAULTS_TOP + 3 * LANE;
        for (int second = 0; second <= seconds; second += step) {
            svg.append("<line class=\"grid\" x1=\"%s\" x2=\"%s\" y1=\"%d\" y2=\"%d\"/>"
                    .formatted(x(second), x(second), RATE_TOP, bottom));
            svg.append("<text x=\"%s\" y=\"%d\" text-anchor=\"middle\">%s</text>"
                    .formatted(x(second), bottom + 18, clock(second)));
        }
    }

    private static void lane(StringBuilder svg, int top, int height, String name, double most) {
        svg.append("<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>"
                .formatted(LEFT, WIDTH - RIGHT, top + height, top + height));
        svg.append("<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>".formatted(LEFT + 4, top - 6, name));
        svg.append("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"
                .formatted(LEFT - 6, top + 10, String.format(Locale.ROOT, "%,d", Math.round(most))));
        svg.append("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>".formatted(LEFT - 6, top + height));
    }

    private void area(
            StringBuilder svg,
            List<Point> points,
            String name,
            ToDoubleFunction<Point> value,
            int top,
            int height,
            double most) {
        if (points.isEmpty()) {
            return;
        }
        svg.append("<path class=\"%s\" d=\"M%s,%d L%s L%s,%d Z\"/>"
                .formatted(
                        name,
                        x(points.get(0).second()),
                        top + height,
                        path(points, value, top, height, most),
                        x(points.get(points.size() - 1).second()),
                        top + height));
    }

    private void line(
            StringBuilder svg,
            List<Point> points,
            String name,
            ToDoubleFunction<Point> value,
            int top,
            int height,
            double most) {
        if (!points.isEmpty()) {
            svg.append("<path class=\"%s\" d=\"M%s\"/>".formatted(name, path(points, value, top, height, most)));
        }
    }

    private String path(List<Point> points, ToDoubleFunction<Point> value, int top, int height, double most) {
        return points.stream()
                .map(point ->
                        x(point.second()) + "," + number(top + height - height * value.applyAsDouble(point) / most))
                .collect(Collectors.joining(" L"));
    }

    private void marks(StringBuilder svg, FaultKind.Category category, int top) {
        svg.append("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"
                .formatted(LEFT - 6, top + 11, category.name().toLowerCase(Locale.ROOT)));
        for (Outcome outcome : findings.outcomes()) {
            if (outcome.fault().kind().category() == category) {
                mark(svg, outcome, top);
            }
        }
    }

    private void mark(StringBuilder svg, Outcome outcome, int top) {
        double began = outcome.began().toMillis() / 1000.0;
        double mended = outcome.mended().toMillis() / 1000.0;
        double whole = mended + longer(outcome.recovery(), outcome.whole()).toMillis() / 1000.0;
        svg.append("<g><title>%s %s, broken for %s, all delivered after %s</title>"
                .formatted(
                        clock(began),
                        escape(outcome.fault().kind().text()),
                        Findings.seconds(outcome.mended().minus(outcome.began())),
                        Findings.seconds(outcome.recovery())));
        svg.append("<rect class=\"recovering\" x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\"/>"
                .formatted(x(mended), top + 2, number(wide(mended, whole)), LANE - 4));
        svg.append("<rect class=\"broken\" x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\"/></g>"
                .formatted(x(began), top + 2, number(Math.max(1.5, wide(began, mended))), LANE - 4));
    }

    private static Duration longer(Duration one, Duration other) {
        return one.compareTo(other) > 0 ? one : other;
    }

    private double wide(double from, double to) {
        return (to - from) / seconds * (WIDTH - LEFT - RIGHT);
    }

    private String x(double second) {
        return number(LEFT + wide(0, second));
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }

    private static String clock(double second) {
        return String.format(Locale.ROOT, "%d:%02d", (int) second / 60, (int) second % 60);
    }

    /** @param words the column that holds text; the others hold numbers */
    private static String table(List<List<String>> rows, int words) {
        StringBuilder html = new StringBuilder("<table><thead>").append(row(rows.get(0), "th", words));
        html.append("</thead><tbody>");
        rows.stream().skip(1).forEach(row -> html.append(row(row, "td", words)));
        return html.append("</tbody></table>").toString();
    }

    private static String row(List<String> cells, String tag, int words) {
        StringBuilder html = new StringBuilder("<tr>");
        for (int column = 0; column < cells.size(); column++) {
            html.append(column == words ? "<" + tag + " class=\"words\">" : "<" + tag + ">")
                    .append(escape(cells.get(column)))
                    .append("</" + tag + ">");
        }
        return html.append("</tr>\n").toString();
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    private static final String STYLE = """
            :root { color-scheme: light dark; --page: #ffffff; --ink: #1c2430; --soft: #5b6675; --rule: #dfe4ea;
              --card: #f5f7f9; --delivered: #8db8e8; --committed: #1c4f8f; --lag: #e3a857; --broken: #c0392b;
              --recovering: #e8b4ad; --good: #1e7d46; --bad: #b3261e; }
            @media (prefers-color-scheme: dark) { :root { --page: #12161c; --ink: #e4e8ee; --soft: #98a3b3;
              --rule: #2b333e; --card: #1a2029; --delivered: #2f5f96; --committed: #9cc6f5; --lag: #a8762b;
              --broken: #e8604f; --recovering: #6e3029; --good: #5cc98a; --bad: #ff8a80; } }
            * { box-sizing: border-box; }
            body { margin: 0; background: var(--page); color: var(--ink);
              font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
            main { max-width: 1200px; margin: 0 auto; padding: 24px 20px 60px; }
            h1 { font-size: 26px; margin: 0; } h2 { font-size: 18px; margin: 36px 0 8px; }
            .verdict { font-weight: 600; margin: 4px 0 20px; } .good { color: var(--good); } .bad { color: var(--bad); }
            .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; }
            .figures div { background: var(--card); border-radius: 8px; padding: 10px 12px; }
            .figures b { display: block; font-size: 19px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
            .figures span { color: var(--soft); font-size: 13px; }
            svg { width: 100%; height: auto; display: block; }
            svg text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
            svg .name { fill: var(--ink); } .grid { stroke: var(--rule); } .axis { stroke: var(--soft); }
            path.delivered { fill: var(--delivered); } path.lag { fill: var(--lag); }
            path.committed { fill: none; stroke: var(--committed); stroke-width: 1.2; }
            rect.broken { fill: var(--broken); } rect.recovering { fill: var(--recovering); }
            .legend { color: var(--soft); font-size: 13px; margin: 4px 0; }
            .legend i { display: inline-block; width: 11px; height: 11px; margin: 0 5px 0 12px; border-radius: 2px; }
            i.delivered { background: var(--delivered); } i.committed { background: var(--committed); }
            i.lag { background: var(--lag); } i.broken { background: var(--broken); }
            i.recovering { background: var(--recovering); }
            .wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
            th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--rule);
              font-variant-numeric: tabular-nums; }
            th { color: var(--soft); font-weight: 500; vertical-align: bottom; }
            .words { text-align: left; }
            pre { background: var(--card); padding: 12px; border-radius: 8px; white-space: pre-wrap; font-size: 13px; }
            p { color: var(--soft); }
            """;
}
