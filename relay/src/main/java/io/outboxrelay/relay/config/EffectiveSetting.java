package io.outboxrelay.relay.config;

import com.typesafe.config.ConfigValue;

/**
 * A setting as it holds, and where that was said.
 *
 * @param path the setting
 * @param value its value as JSON; a secret's is not here
 * @param origin file and line, an environment variable, or whose default it is
 * @param isDefault whether nobody has set it
 * @param isSecret whether the value is hidden
 */
public record EffectiveSetting(String path, String value, String origin, boolean isDefault, boolean isSecret) {

    /** What stands for a secret. */
    public static final String HIDDEN = "\"(hidden)\"";

    static EffectiveSetting of(String path, ConfigValue value, String origin, boolean isDefault, boolean isSecret) {
        return new EffectiveSetting(
                path,
                isSecret ? HIDDEN : value.render(com.typesafe.config.ConfigRenderOptions.concise()),
                origin,
                isDefault,
                isSecret);
    }
}
