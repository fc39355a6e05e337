package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.outboxrelay.api.RejectedException;

/**
 * Reads the headers column of a row. A text is taken as it is, a number or a boolean as JSON writes it, an object or
 * array as its JSON text; a null entry is left out. Of two entries with one name, the last counts.
 */
final class RowHeaders {

    private final JsonFactory json = new JsonFactory();

    /** @throws RejectedException if the text is no JSON object */
    Map<String, String> parse(String text) throws RejectedException {
        if (text == null || text.equals("{}") || text.isBlank()) {
            return Map.of();
        }
        try (JsonParser parser = json.createParser(text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new RejectedException(RejectedException.Kind.UNFIT_ROW, "the row's headers are no JSON object");
            }
            Map<String, String> headers = new LinkedHashMap<>();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken token = parser.nextToken();
                if (token.isStructStart()) {
                    headers.put(name, nested(parser));
                } else if (token != JsonToken.VALUE_NULL) {
                    headers.put(name, parser.getText());
                }
            }
            if (parser.nextToken() != null) {
                throw new RejectedException(
                        RejectedException.Kind.UNFIT_ROW, "the row's headers hold more than one JSON object");
            }
            if (text.contains("\\u")) {
                requireWholeCharacters(headers);
            }
            return headers;
        } catch (JacksonException e) {
            // Jackson's own message quotes what it read, and that is not for a log.
            String where = e.getLocation() == null
                    ? "nested too deeply"
                    : "at character " + e.getLocation().getCharOffset();
            throw new RejectedException(
                    RejectedException.Kind.UNFIT_ROW, "the row's headers are no valid JSON (" + where + ")");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Without the spaces, and every number in all its digits. */
    private String nested(JsonParser parser) throws IOException {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = json.createGenerator(text)) {
            generator.copyCurrentStructureExact(parser);
        }
        return text.toString();
    }

    /** Half of a surrogate pair, which only an escape can hold, would silently become a question mark in UTF-8. */
    private static void requireWholeCharacters(Map<String, String> headers) throws RejectedException {
        CharsetEncoder utf8 = StandardCharsets.UTF_8.newEncoder();
        for (Map.Entry<String, String> header : headers.entrySet()) {
            if (!utf8.canEncode(header.getKey()) || !utf8.canEncode(header.getValue())) {
                throw new RejectedException(
                        RejectedException.Kind.UNFIT_ROW,
                        "the row's headers hold half of a surrogate pair (\\ud800 to \\udfff), which is no character");
            }
        }
    }
}
