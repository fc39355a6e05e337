package io.outboxrelay.api.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigMemorySize;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import io.outboxrelay.api.Code;

/**
 * One section of the configuration. A setting that is missing or wrong is noted among {@link #problems()}, which all
 * sections of one configuration share, and an allowed value stands in for it, so that one pass finds every fault.
 *
 * <p>Defaults are in each module's {@code reference.conf} and nowhere else; a setting without one is required, unless it
 * is {@code null} there. Not safe for use by several threads.
 */
public final class Settings {

    private final Config root;
    private final String path;
    private final List<Problem> problems;

    private Settings(Config root, String path, List<Problem> problems) {
        this.root = root;
        this.path = path;
        this.problems = problems;
    }

    /** The whole of a resolved configuration, defaults included. */
    public static Settings of(Config root) {
        return new Settings(root, "", new ArrayList<>());
    }

    /** A section of this one. It need not exist: then what is required in it is missing. */
    public Settings section(String key) {
        return new Settings(root, at(key), problems);
    }

    /** All that was found wrong so far, in this section and every other of the same configuration. */
    public List<Problem> problems() {
        return List.copyOf(problems);
    }

    /** Notes a value that only the caller can see to be wrong. */
    public void problem(String key, String text) {
        problem(Code.CONFIG_BAD_VALUE, key, text);
    }

    /** Notes a fault that only the caller can see. */
    public void problem(Code code, String key, String text) {
        problems.add(new Problem(code, at(key), text, where(at(key))));
    }

    /** Builds a record that checks itself: an {@link IllegalArgumentException} becomes a problem of this section. */
    public <T> Optional<T> build(Supplier<T> constructor) {
        try {
            return Optional.of(constructor.get());
        } catch (IllegalArgumentException e) {
            problems.add(new Problem(Code.CONFIG_BAD_VALUE, path, e.getMessage(), where(path)));
            return Optional.empty();
        }
    }

    /** A text that is required and not empty. */
    public String text(String key) {
        return read(key, () -> root.getString(at(key)), "a text that is not empty", "?")
                .map(text -> {
                    if (text.isBlank()) {
                        problem(key, "is empty; allowed: a text that is not empty");
                        return "?";
                    }
                    return text;
                })
                .orElseGet(() -> missing(key, "?"));
    }

    /** A text that may be {@code null} or left out. */
    public Optional<String> optionalText(String key) {
        return read(key, () -> root.getString(at(key)), "a text", "?").filter(text -> !text.isEmpty());
    }

    /**
     * A secret: the value of {@code key}, or the first line of the file that {@code key-file} names. Empty if neither is
     * given; both are a problem.
     */
    public Optional<String> secret(String key) {
        Optional<String> inline = optionalText(key);
        Optional<String> file = optionalText(key + "-file");
        if (file.isEmpty()) {
            return inline;
        }
        if (inline.isPresent()) {
            problem(
                    Code.CONFIG_GIVEN_TWICE,
                    key,
                    "is given twice, here and by " + at(key + "-file") + "; leave one of them out");
            return inline;
        }
        try {
            return Files.readAllLines(Path.of(file.get())).stream().findFirst();
        } catch (IOException | RuntimeException e) {
            problem(
                    Code.CONFIG_FILE_UNREADABLE,
                    key + "-file",
                    "cannot read " + file.get() + " (" + e.getClass().getSimpleName() + ")");
            return Optional.of("?");
        }
    }

    /** A whole number within bounds, both included. */
    public int integer(String key, int min, int max) {
        String allowed = "a whole number from " + min + " to " + max;
        int value = read(key, () -> root.getInt(at(key)), allowed, min).orElseGet(() -> missing(key, min));
        return within(key, value, min, max, allowed);
    }

    /** A number within bounds, both included: {@code 0.25}. */
    public double number(String key, double min, double max) {
        String allowed = "a number from " + min + " to " + max;
        double value = read(key, () -> root.getDouble(at(key)), allowed, min).orElseGet(() -> missing(key, min));
        return within(key, value, min, max, allowed);
    }

    /** A duration within bounds, both included: {@code 500ms}, {@code 10s}, {@code 2m}. */
    public Duration duration(String key, Duration min, Duration max) {
        String allowed = "a duration from " + show(min) + " to " + show(max);
        Duration value =
                read(key, () -> root.getDuration(at(key)), allowed, min).orElseGet(() -> missing(key, min));
        return within(key, value, min, max, allowed);
    }

    /** A size in bytes within bounds, both included: {@code 512k}, {@code 16m}. */
    public long bytes(String key, long min, long max) {
        String allowed = "a size from " + min + " to " + max + " bytes, for example 16m";
        long value = read(key, () -> root.getMemorySize(at(key)), allowed, ConfigMemorySize.ofBytes(min))
                .map(ConfigMemorySize::toBytes)
                .orElseGet(() -> missing(key, min));
        return within(key, value, min, max, allowed);
    }

    /** {@code true} or {@code false}. */
    public boolean flag(String key) {
        return read(key, () -> root.getBoolean(at(key)), "true or false", false).orElseGet(() -> missing(key, false));
    }

    /** One of an enum's constants, written in lower case with dashes. */
    public <E extends Enum<E>> E choice(String key, Class<E> type) {
        E[] constants = type.getEnumConstants();
        String allowed = Arrays.stream(constants).map(Settings::show).collect(Collectors.joining(", "));
        String value = read(key, () -> root.getString(at(key)), allowed, show(constants[0]))
                .orElseGet(() -> missing(key, show(constants[0])));
        for (E constant : constants) {
            if (show(constant).equals(value)) {
                return constant;
            }
        }
        problem(key, "is \"" + value + "\"; allowed: " + allowed);
        return constants[0];
    }

    /** A list of texts, none of which is empty. */
    public List<String> textList(String key) {
        List<String> texts = read(key, () -> root.getStringList(at(key)), "a list of texts", List.<String>of())
                .orElseGet(() -> missing(key, List.of()));
        if (texts.stream().anyMatch(String::isBlank)) {
            problem(key, "holds a text that is empty; allowed: a list of texts that are not empty");
        }
        return List.copyOf(texts);
    }

    /** A free-form section as flat text: {@code ssl { keystore { type = PEM } }} is {@code ssl.keystore.type=PEM}. */
    public Map<String, String> texts(String key) {
        Map<String, String> texts = new LinkedHashMap<>();
        if (!root.hasPath(at(key))) {
            return texts;
        }
        try {
            Config section = root.getConfig(at(key));
            for (Map.Entry<String, ConfigValue> entry : section.entrySet()) {
                String name = String.join(".", ConfigUtil.splitPath(entry.getKey()));
                if (entry.getValue().valueType() == ConfigValueType.LIST) {
                    texts.put(name, String.join(",", section.getStringList(entry.getKey())));
                } else {
                    texts.put(name, section.getString(entry.getKey()));
                }
            }
        } catch (ConfigException e) {
            problem(key, "must be a section of names and values");
        }
        return texts;
    }

    /** The names of the sections that this one holds, sorted. */
    public SortedSet<String> names() {
        return path.isEmpty() || root.hasPath(path)
                ? new TreeSet<>(
                        (path.isEmpty() ? root : root.getConfig(path)).root().keySet())
                : new TreeSet<>();
    }

    /** The full path of a key of this section. */
    public String at(String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    private <T> Optional<T> read(String key, Supplier<T> value, String allowed, T standIn) {
        try {
            return root.hasPath(at(key)) ? Optional.of(value.get()) : Optional.empty();
        } catch (ConfigException e) {
            problem(key, "is " + written(at(key)) + "; allowed: " + allowed);
            return Optional.of(standIn);
        }
    }

    private <T> T missing(String key, T standIn) {
        problem(Code.CONFIG_MISSING, key, "is required and missing");
        return standIn;
    }

    private <T extends Comparable<T>> T within(String key, T value, T min, T max, String allowed) {
        if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
            problem(key, "is " + written(at(key)) + "; allowed: " + allowed);
            return min;
        }
        return value;
    }

    private String written(String fullPath) {
        ConfigValue value = root.getValue(fullPath);
        return switch (value.valueType()) {
            case OBJECT -> "a section";
            case LIST -> "a list";
            default -> "\"" + value.unwrapped() + "\"";
        };
    }

    private String where(String fullPath) {
        try {
            return fullPath.isEmpty() || !root.hasPath(fullPath)
                    ? ""
                    : Origins.show(root.getValue(fullPath).origin());
        } catch (ConfigException.BadPath e) {
            return ""; // A name of a free-form section that only quotes make a path.
        }
    }

    private static String show(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static String show(Duration duration) {
        long millis = duration.toMillis();
        if (millis % 60_000 == 0 && millis > 0) {
            return millis / 60_000 + "m";
        }
        return millis % 1000 == 0 ? millis / 1000 + "s" : millis + "ms";
    }
}
