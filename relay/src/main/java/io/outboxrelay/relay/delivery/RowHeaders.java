package io.outboxrelay.relay.delivery;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.outboxrelay.api.RejectedException;

/**
 * Reads the headers column of a row. A text is taken as it is, a number or a boolean as JSON writes it, an object or
 * array as its JSON text; a null entry is left out.
 */
final class RowHeaders {

    private final ObjectMapper json = new ObjectMapper(new JsonFactory());

    /** @throws RejectedException if the text is no JSON object */
    Map<String, String> parse(String text) throws RejectedException {
        if (text == null || text.equals("{}") || text.isBlank()) {
            return Map.of();
        }
        try (JsonParser parser = json.createParser(text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new RejectedException("the row's headers are no JSON object");
            }
            Map<String, String> headers = new LinkedHashMap<>();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken token = parser.nextToken();
                if (token.isStructStart()) {
                    JsonNode nested = json.readTree(parser);
                    headers.put(name, nested.toString());
                } else if (token != JsonToken.VALUE_NULL) {
                    headers.put(name, parser.getText());
                }
            }
            if (parser.nextToken() != null) {
                throw new RejectedException("the row's headers hold more than one JSON object");
            }
            return headers;
        } catch (JacksonException e) {
            // Jackson's own message quotes what it read, and that is not for a log.
            throw new RejectedException("the row's headers are no valid JSON (at character "
                    + e.getLocation().getCharOffset() + ")");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
