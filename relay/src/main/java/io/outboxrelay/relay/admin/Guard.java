package io.outboxrelay.relay.admin;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import io.outboxrelay.relay.config.AdminAccess;
import io.outboxrelay.relay.config.AdminSettings;

/**
 * Stands before every route. Who asks is told apart by the header {@code Authorization} alone, which no browser sends by
 * itself: there are no cookies, and no challenge is sent for which a browser would ask and remember. Actions must come as
 * JSON, which another site's page cannot send without asking first, and that question is never answered.
 */
final class Guard {

    /** No action needs more. */
    static final int MOST_BYTES = 16 << 10;

    /** The address, not a name: no page on the Internet can come by it to lead a browser here. */
    private static final Pattern ADDRESS = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-f:.%]+]");

    private static final ObjectMapper JSON = new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final AdminAccess access;
    private final Credentials credentials;
    private final boolean anyName;

    Guard(AdminSettings settings) {
        this.access = settings.access();
        this.credentials = new Credentials(access);
        this.anyName = access.names().isEmpty() && !isLoopback(settings.host());
    }

    /**
     * Lets a request pass, with the body of an action read.
     *
     * @param parameters of the query
     * @throws RefusedException if it may not pass
     */
    Question pass(HttpExchange exchange, Route route, Map<String, String> parameters)
            throws RefusedException, IOException {
        Headers headers = exchange.getRequestHeaders();
        requireKnownName(headers.getFirst("Host"));
        Optional<JsonNode> body = Optional.empty();
        if (route.needs() == Route.Needs.ACTING) {
            requireOwnPage(headers);
            if (!access.allowsActions()) {
                throw new RefusedException(403, "nobody may act here: neither admin.token nor admin.users-file is set");
            }
        }
        String who = route.needs() == Route.Needs.NOTHING ? "" : who(headers, route);
        if (route.needs() == Route.Needs.ACTING) {
            body = Optional.of(body(exchange));
        }
        return new Question(parameters, body, who);
    }

    private String who(Headers headers, Route route) throws RefusedException {
        Optional<String> who = credentials.who(headers.getFirst("Authorization"));
        if (who.isEmpty() && (route.needs() == Route.Needs.ACTING || access.protectReading())) {
            throw new RefusedException(
                    401, headers.containsKey("Authorization") ? "wrong token or password" : "a token is needed");
        }
        return who.orElse("");
    }

    /** A browser that was led here by a name that somebody else owns sends that name. */
    private void requireKnownName(String host) throws RefusedException {
        if (host == null || anyName) {
            return;
        }
        String name = host.toLowerCase(Locale.ROOT).replaceFirst(":\\d*$", "");
        if (!name.equals("localhost")
                && !ADDRESS.matcher(name).matches()
                && !access.names().contains(name)) {
            throw new RefusedException(403, "the name in the header Host is not one of admin.names");
        }
    }

    private static void requireOwnPage(Headers headers) throws RefusedException {
        String origin = headers.getFirst("Origin");
        String site = headers.getFirst("Sec-Fetch-Site");
        boolean otherOrigin =
                origin != null && !origin.replaceFirst("^https?://", "").equalsIgnoreCase(headers.getFirst("Host"));
        boolean otherSite = site != null && !site.equals("same-origin") && !site.equals("none");
        if (otherOrigin || otherSite) {
            throw new RefusedException(403, "another site's page may not act here");
        }
    }

    private static JsonNode body(HttpExchange exchange) throws RefusedException, IOException {
        String type = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Content-Type"))
                .orElse("");
        if (!type.toLowerCase(Locale.ROOT).split(";", 2)[0].strip().equals("application/json")) {
            throw new RefusedException(415, "the header Content-Type must be application/json");
        }
        byte[] body = exchange.getRequestBody().readNBytes(MOST_BYTES + 1);
        if (body.length > MOST_BYTES) {
            throw new RefusedException(413, "the request is larger than " + MOST_BYTES + " bytes");
        }
        try {
            JsonNode node = JSON.readTree(body);
            if (node.isObject()) {
                return node;
            }
        } catch (JsonProcessingException e) {
            // Said below; what the parser says would repeat the request.
        }
        throw new RefusedException(400, "the request is no JSON object");
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }
}
