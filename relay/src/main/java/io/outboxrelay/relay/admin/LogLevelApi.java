package io.outboxrelay.relay.admin;

import java.util.List;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.outboxrelay.relay.logging.LogLevels;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How much is logged, changed until the process ends. */
final class LogLevelApi {

    private static final Logger log = LoggerFactory.getLogger(LogLevelApi.class);

    private final ObjectMapper json = new ObjectMapper();
    private final LogLevels levels;

    LogLevelApi(LogLevels levels) {
        this.levels = levels;
    }

    List<Route> routes() {
        return List.of(
                Route.reading("/api/log-levels", question -> Answer.json(200, all())),
                Route.acting("/api/log-levels", this::change));
    }

    private Answer change(Question question) throws RefusedException {
        String logger = question.text("logger")
                .orElseThrow(() -> new RefusedException(400, "logger must be given: the name of one, or ROOT"));
        String level = question.text("level").orElseThrow(() -> new RefusedException(400, "level must be given"));
        try {
            levels.set(logger, level);
        } catch (IllegalArgumentException e) {
            throw new RefusedException(400, e.getMessage());
        }
        log.info("Log level: {} is {} now, by {}", logger, level, question.who());
        return Answer.json(200, all());
    }

    private ObjectNode all() {
        ObjectNode answer = json.createObjectNode();
        ObjectNode each = answer.putObject("levels");
        levels.levels().forEach(each::put);
        return answer;
    }
}
