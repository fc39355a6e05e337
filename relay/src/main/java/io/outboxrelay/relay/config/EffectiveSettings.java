package io.outboxrelay.relay.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import io.outboxrelay.api.config.Origins;

/** A configuration setting by setting, each with where it was set. What may be a secret is hidden. */
final class EffectiveSettings {

    /** Rather one too many: a name that sounds like a secret, wherever it stands, and whatever nests below it. */
    private static final Pattern SECRET = Pattern.compile(
            ".*(passw|passphrase|secret|token|credential|authorization|jaas|private|api-?key|access-?key|basic\\.auth"
                    + "|keystore\\.key).*|tracing\\.headers\\..*");

    /** A path of a file or the like, which is worth to be seen. */
    private static final Pattern NO_SECRET = Pattern.compile(".*([.-]file|location|\\.url|\\.type|algorithm|class)");

    private static final Pattern USER_INFO = Pattern.compile("://[^/@\\s]*@");
    private static final Pattern JAR = Pattern.compile(".*/([^/]+?)(-\\d[^/]*)?\\.jar!/.*");
    private static final Pattern BUILT = Pattern.compile(".*/([^/]+)/(?:target/classes|src/main/resources)/[^/]*");

    /** Shorter ones stand in other values by chance. */
    private static final int SHORTEST_SECRET = 4;

    private final ConfigObject defaults;
    private final List<String> secrets = new ArrayList<>();
    private final List<EffectiveSetting> settings = new ArrayList<>();

    private EffectiveSettings(ConfigObject defaults) {
        this.defaults = defaults;
    }

    /** All settings, sorted by their paths. */
    static List<EffectiveSetting> of(Config effective, Config defaults) {
        EffectiveSettings all = new EffectiveSettings(defaults.root());
        all.collectSecrets(effective.root(), List.of());
        all.walk(effective.root(), all.defaults, List.of());
        return List.copyOf(all.settings);
    }

    private void collectSecrets(ConfigObject section, List<String> parents) {
        for (var entry : section.entrySet()) {
            List<String> keys = append(parents, entry.getKey());
            if (entry.getValue() instanceof ConfigObject inner) {
                collectSecrets(inner, keys);
            } else if (isSecret(keys) && entry.getValue().valueType() != ConfigValueType.NULL) {
                String secret = String.valueOf(entry.getValue().unwrapped());
                if (secret.length() >= SHORTEST_SECRET) {
                    secrets.add(secret);
                }
            }
        }
    }

    private void walk(ConfigObject section, ConfigObject known, List<String> parents) {
        for (String key : new TreeSet<>(section.keySet())) {
            List<String> keys = append(parents, key);
            ConfigValue value = section.get(key);
            ConfigValue standard = known.get(key);
            if (value instanceof ConfigObject inner) {
                walk(
                        inner,
                        standard instanceof ConfigObject ofDefaults
                                ? ofDefaults
                                : inner.atKey("-").root(),
                        keys);
            } else {
                String path = ConfigUtil.joinPath(keys);
                boolean isDefault = standard != null && standard.origin().equals(value.origin());
                settings.add(EffectiveSetting.of(
                        path, value, origin(path, value.origin(), isDefault), isDefault, isHidden(keys, value)));
            }
        }
    }

    private boolean isHidden(List<String> keys, ConfigValue value) {
        if (value.valueType() == ConfigValueType.NULL) {
            return false;
        }
        String text = value.render(ConfigRenderOptions.concise());
        return isSecret(keys)
                || USER_INFO.matcher(text).find()
                || secrets.stream()
                        .anyMatch(secret -> String.valueOf(value.unwrapped()).contains(secret));
    }

    private static boolean isSecret(List<String> keys) {
        String path = String.join(".", keys).toLowerCase(Locale.ROOT);
        return SECRET.matcher(path).matches() && !NO_SECRET.matcher(path).matches();
    }

    private static String origin(String path, ConfigOrigin origin, boolean isDefault) {
        if (isDefault) {
            return "default of " + module(origin);
        }
        String shown = Origins.show(origin);
        if (shown.equals(RelayConfigReader.ENVIRONMENT)) {
            return RelayConfigReader.variable(path);
        }
        return shown.startsWith("env var") ? "environment" : shown;
    }

    private static String module(ConfigOrigin origin) {
        String url = origin.url() == null ? origin.description() : origin.url().toString();
        Matcher jar = JAR.matcher(url);
        Matcher built = BUILT.matcher(url);
        String line = origin.lineNumber() > 0 ? ":" + origin.lineNumber() : "";
        if (jar.matches()) {
            return jar.group(1) + " (reference.conf" + line + ")";
        }
        return (built.matches() ? built.group(1) + " " : "") + "(reference.conf" + line + ")";
    }

    private static List<String> append(List<String> parents, String key) {
        List<String> keys = new ArrayList<>(parents);
        keys.add(key);
        return keys;
    }
}
