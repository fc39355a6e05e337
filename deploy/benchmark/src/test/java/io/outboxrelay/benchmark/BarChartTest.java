package io.outboxrelay.benchmark;

import java.io.StringReader;
import java.util.List;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;

import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

import static org.assertj.core.api.Assertions.assertThat;

final class BarChartTest {

    @Test
    void theBarsAreAsLongAsTheMediansAndTheLinesFromBestToWorst() throws Exception {
        Document svg = parsed(new BarChart(
                "Rows & <more>", List.of(series("relay-debezium", 100, 200, 300), series("other", 50, 50, 50))));
        List<Element> bars = elements(svg, "rect");
        double first = Double.parseDouble(bars.get(1).getAttribute("width"));
        assertThat(first / Double.parseDouble(bars.get(2).getAttribute("width")))
                .isBetween(3.99, 4.01);
        Element line = elements(svg, "line").get(0);
        double from = Double.parseDouble(line.getAttribute("x1"));
        double to = Double.parseDouble(line.getAttribute("x2"));
        assertThat((to - from) / first).isBetween(0.99, 1.01);
        assertThat(elements(svg, "text").get(0).getTextContent()).isEqualTo("Rows & <more>");
    }

    @Test
    void figuresThatAreAllZeroHaveBarsWithoutLength() throws Exception {
        Document svg = parsed(new BarChart("Duplicates", List.of(series("a", 0), series("b", 0))));
        assertThat(elements(svg, "rect").get(1).getAttribute("width")).isEqualTo("0.0");
    }

    private static Series series(String subject, double... rounds) {
        return new Series(
                "drain",
                "drained",
                "rows/s",
                subject,
                true,
                IntStream.range(0, rounds.length).mapToObj(i -> rounds[i]).toList());
    }

    private static Document parsed(BarChart chart) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(chart.svg())));
    }

    private static List<Element> elements(Document svg, String name) {
        NodeList nodes = svg.getElementsByTagName(name);
        return IntStream.range(0, nodes.getLength())
                .mapToObj(i -> (Element) nodes.item(i))
                .toList();
    }
}
