package io.outboxrelay.relay.tracing;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;

import com.google.protobuf.ByteString;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse;
import io.opentelemetry.proto.common.v1.KeyValue;
import io.opentelemetry.proto.trace.v1.Span;

/** Takes spans by OTLP over HTTP, as a collector does, and keeps them. */
public final class OtlpReceiver implements AutoCloseable {

    private final HttpServer server;
    private final List<Span> spans = new ArrayList<>();
    private final List<Headers> headers = new ArrayList<>();
    private List<KeyValue> resource = List.of();
    private int requests;
    private volatile int status = 200;

    private OtlpReceiver(HttpServer server) {
        this.server = server;
        server.createContext("/v1/traces", this::take);
        server.start();
    }

    /** At any free port of this machine. */
    public static OtlpReceiver start() throws IOException {
        return new OtlpReceiver(HttpServer.create(anyPort(), 0));
    }

    /** The same with TLS. */
    static OtlpReceiver start(SSLContext identity) throws IOException {
        HttpsServer server = HttpsServer.create(anyPort(), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(identity));
        return new OtlpReceiver(server);
    }

    /** What {@code tracing.otlp-endpoint} is set to. */
    public String endpoint() {
        return (server instanceof HttpsServer ? "https" : "http") + "://localhost:"
                + server.getAddress().getPort();
    }

    /** All spans so far. */
    public synchronized List<Span> spans() {
        return List.copyOf(spans);
    }

    /** What the last request said of where its spans come from. */
    public synchronized Map<String, String> resource() {
        return texts(resource);
    }

    /** How many requests came, answered in whatever way. */
    synchronized int requests() {
        return requests;
    }

    synchronized List<Headers> headers() {
        return List.copyOf(headers);
    }

    /** Answers with this status from now on, and keeps no spans unless it is 200. */
    void answer(int with) {
        status = with;
    }

    /** Attributes that are texts, by name. */
    public static Map<String, String> texts(List<KeyValue> attributes) {
        return attributes.stream()
                .filter(attribute -> attribute.getValue().hasStringValue())
                .collect(Collectors.toMap(
                        KeyValue::getKey, attribute -> attribute.getValue().getStringValue()));
    }

    /** An id as {@code traceparent} has it. */
    public static String hex(ByteString id) {
        return HexFormat.of().formatHex(id.toByteArray());
    }

    @Override
    public void close() {
        server.stop(0);
    }

    private void take(HttpExchange exchange) throws IOException {
        try (exchange) {
            ExportTraceServiceRequest request = ExportTraceServiceRequest.parseFrom(exchange.getRequestBody());
            int answer = status;
            synchronized (this) {
                requests++;
                headers.add(exchange.getRequestHeaders());
                if (answer == 200) {
                    request.getResourceSpansList().forEach(of -> {
                        resource = of.getResource().getAttributesList();
                        of.getScopeSpansList().forEach(scope -> spans.addAll(scope.getSpansList()));
                    });
                }
            }
            byte[] body = ExportTraceServiceResponse.getDefaultInstance().toByteArray();
            exchange.getResponseHeaders().set("Content-Type", "application/x-protobuf");
            exchange.sendResponseHeaders(answer, body.length == 0 ? -1 : body.length);
            if (body.length > 0) {
                exchange.getResponseBody().write(body);
            }
        }
    }

    private static InetSocketAddress anyPort() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }
}
