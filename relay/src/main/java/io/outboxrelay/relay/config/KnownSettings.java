package io.outboxrelay.relay.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Origins;
import io.outboxrelay.api.config.Problem;

/**
 * The settings that exist: those of the merged {@code reference.conf}. A section that is empty there, or whose comment
 * there says {@code Free-form}, may hold anything.
 */
final class KnownSettings {

    private final ConfigObject reference;
    private final List<String> all = new ArrayList<>();

    KnownSettings(Config reference) {
        this.reference = reference.root();
        collect(this.reference, List.of());
    }

    /**
     * What a configuration holds without what does not belong there, so that one fault is told once.
     *
     * @param problems takes what was found
     */
    Config prune(Config configuration, List<Problem> problems) {
        List<String> faulty = new ArrayList<>();
        walk(configuration.root(), reference, List.of(), faulty, problems);
        Config pruned = configuration;
        for (String path : faulty) {
            pruned = pruned.withoutPath(path);
        }
        return pruned.withFallback(reference).resolve();
    }

    private void walk(
            ConfigObject given, ConfigObject known, List<String> parents, List<String> faulty, List<Problem> problems) {
        for (Map.Entry<String, ConfigValue> entry : given.entrySet()) {
            List<String> keys = append(parents, entry.getKey());
            String path = ConfigUtil.joinPath(keys);
            ConfigValue value = entry.getValue();
            ConfigValue standard = known.get(entry.getKey());
            if (!known.containsKey(entry.getKey())) {
                faulty.add(path);
                problems.add(new Problem(
                        Code.CONFIG_UNKNOWN_SETTING,
                        path,
                        "unknown setting" + suggest(entry.getKey(), known, parents),
                        where(value)));
            } else if (standard instanceof ConfigObject section) {
                if (!(value instanceof ConfigObject inner)) {
                    faulty.add(path);
                    problems.add(new Problem(
                            Code.CONFIG_BAD_VALUE, path, "is a value; allowed: a section { … }", where(value)));
                } else if (!freeForm(section)) {
                    walk(inner, section, keys, faulty, problems);
                }
            }
        }
    }

    private String suggest(String key, ConfigObject siblings, List<String> parents) {
        Optional<String> sibling = Nearest.to(key, siblings.keySet());
        if (sibling.isPresent()) {
            return "; did you mean \"" + ConfigUtil.joinPath(append(parents, sibling.get())) + "\"?";
        }
        return all.stream()
                .filter(path -> Nearest.plain(last(path)).equals(Nearest.plain(key)))
                .findFirst()
                .map(path -> "; did you mean \"" + path + "\"?")
                .orElseGet(() -> "; known here: " + String.join(", ", new TreeSet<>(siblings.keySet())));
    }

    private void collect(ConfigObject section, List<String> parents) {
        for (String key : new TreeSet<>(section.keySet())) {
            List<String> keys = append(parents, key);
            all.add(ConfigUtil.joinPath(keys));
            if (section.get(key) instanceof ConfigObject inner && !freeForm(inner)) {
                collect(inner, keys);
            }
        }
    }

    private static boolean freeForm(ConfigObject section) {
        return section.isEmpty()
                || section.origin().comments().stream().anyMatch(comment -> comment.contains("Free-form"));
    }

    private static String last(String path) {
        List<String> keys = ConfigUtil.splitPath(path);
        return keys.get(keys.size() - 1);
    }

    private static List<String> append(List<String> parents, String key) {
        List<String> keys = new ArrayList<>(parents);
        keys.add(key);
        return keys;
    }

    private static String where(ConfigValue value) {
        return Origins.show(value.origin());
    }
}
