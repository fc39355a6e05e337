package io.outboxrelay.relay.admin;

import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Semaphore;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.relay.deadletter.DeadLetter;
import io.outboxrelay.relay.deadletter.LetterDesk;
import io.outboxrelay.relay.deadletter.LetterDesk.Summary;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is put aside, without its content, and what becomes of it. */
final class DeadLetterApi {

    private static final Logger log = LoggerFactory.getLogger(DeadLetterApi.class);

    private static final int MOST = 500;

    /** Who only looks takes few of the connections that the relay works with. */
    private static final int MOST_AT_ONCE = 2;

    private final ObjectMapper json = new ObjectMapper();
    private final LetterDesk desk;
    private final Semaphore looking = new Semaphore(MOST_AT_ONCE);

    DeadLetterApi(LetterDesk desk) {
        this.desk = desk;
    }

    List<Route> routes() {
        return List.of(
                Route.reading("/api/dead-letters", this::list),
                Route.acting("/api/dead-letters/redrive", this::redrive),
                Route.acting("/api/dead-letters/discard", this::discard));
    }

    private Answer list(Question question) throws RefusedException, SQLException {
        long after = question.number("after", 0, 0, Long.MAX_VALUE);
        int limit = (int) question.number("limit", 50, 1, MOST);
        List<Summary> found = look(after, limit + 1);
        ObjectNode all = json.createObjectNode();
        ArrayNode letters = all.putArray("deadLetters");
        found.stream().limit(limit).forEach(summary -> letters.add(node(summary)));
        if (found.size() > limit) {
            all.put("next", found.get(limit - 1).letter().seq());
        } else {
            all.putNull("next");
        }
        return Answer.json(200, all);
    }

    private List<Summary> look(long after, int atMost) throws RefusedException, SQLException {
        if (!looking.tryAcquire()) {
            throw new RefusedException(503, "others are looking at the dead letters: ask again");
        }
        try {
            return desk.list(after, atMost);
        } finally {
            looking.release();
        }
    }

    private Answer redrive(Question question) throws RefusedException, SQLException {
        Optional<String> id = question.text("id");
        Optional<String> aggregate = question.text("aggregate");
        boolean all = question.says("all");
        if ((id.isPresent() ? 1 : 0) + (aggregate.isPresent() ? 1 : 0) + (all ? 1 : 0) != 1) {
            throw new RefusedException(400, "one of id, aggregate and all must be given: what is to be sent once more");
        }
        LetterDesk.Answer answer = id.isPresent()
                ? desk.redrive(id.get())
                : aggregate.isPresent() ? desk.redriveKey(aggregate.get()) : desk.redriveAll();
        if (answer.before().isPresent()) {
            throw new RefusedException(
                    409,
                    "the event waits behind " + answer.before().get().name()
                            + " of its aggregate: redrive or discard that one first, or redrive the aggregate");
        }
        return wished(
                "redrive",
                id.orElse(aggregate.map(key -> "aggregate " + key).orElse("everything")),
                answer.wished(),
                question);
    }

    private Answer discard(Question question) throws RefusedException, SQLException {
        String id = question.text("id")
                .orElseThrow(() -> new RefusedException(400, "id must be given: the event that is to be discarded"));
        return wished("discard", id, desk.discard(id).wished(), question);
    }

    private Answer wished(String wish, String what, int events, Question question) throws RefusedException {
        if (events == 0) {
            throw new RefusedException(
                    404, what.equals("everything") ? "nothing is put aside" : "no event " + what + " is put aside");
        }
        log.info("Dead letters: {} of {} wished by {} ({} events)", wish, oneLine(what), question.who(), events);
        return Answer.json(202, json.createObjectNode().put("wish", wish).put("events", events));
    }

    private ObjectNode node(Summary summary) {
        DeadLetter letter = summary.letter();
        return json.createObjectNode()
                .put("seq", letter.seq())
                .put("id", letter.name())
                .put("aggregateType", letter.event().aggregateType())
                .put("aggregateId", letter.event().aggregateId())
                .put("type", letter.event().type())
                .put("destination", letter.destination())
                .put("parked", letter.parked())
                .put("kind", letter.kind())
                .put("reason", letter.reason())
                .put("attempts", letter.attempts())
                .put("position", letter.event().position().toString())
                .put("occurredAt", letter.event().occurredAt().toString())
                .put("putAsideAt", letter.putAsideAt().toString())
                .put("triedAt", letter.triedAt().map(Object::toString).orElse(null))
                .put(
                        "wish",
                        letter.wish()
                                .map(wish -> wish.name().toLowerCase(Locale.ROOT))
                                .orElse(null))
                .put("wishedBy", letter.wishedBy().orElse(null))
                .put("payloadBytes", summary.payloadBytes());
    }

    /** An id is whatever a service wrote, and a log line is one line. */
    private static String oneLine(String text) {
        return text.replaceAll("\\p{Cntrl}", " ");
    }
}
