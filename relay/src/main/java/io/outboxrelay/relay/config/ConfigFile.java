package io.outboxrelay.relay.config;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.config.Origins;

/** The user's file as HOCON, laid over the defaults and under the environment. */
final class ConfigFile {

    private final Path path;

    ConfigFile(Path path) {
        this.path = path;
    }

    /** @throws ConfigurationException if the file cannot be read or is not HOCON; the message is one line */
    Config over(Config defaults, Config under) throws ConfigurationException {
        requireText();
        try {
            Config file = ConfigFactory.parseFile(
                    path.toAbsolutePath().toFile(), // An include beside a relative path would be passed over.
                    ConfigParseOptions.defaults().setAllowMissing(false));
            return under.withFallback(file).withFallback(defaults).resolve();
        } catch (ConfigException.UnresolvedSubstitution e) {
            throw new ConfigurationException(
                    Code.CONFIG_VARIABLE_UNSET,
                    where(e) + ": " + substitution(e.getMessage())
                            + " is set neither in the configuration nor in the environment; set it, or write ${?…} to do without",
                    e);
        } catch (ConfigException.IO e) {
            throw new ConfigurationException(Code.CONFIG_UNREADABLE, path + ": cannot be read: " + e.getMessage(), e);
        } catch (ConfigException e) {
            throw new ConfigurationException(
                    Code.CONFIG_SYNTAX,
                    where(e) + ": not valid HOCON: " + withoutValues(e.getMessage())
                            + "; a value with special characters needs double quotes",
                    e);
        }
    }

    private void requireText() throws ConfigurationException {
        if (Files.isDirectory(path)) {
            throw new ConfigurationException(Code.CONFIG_UNREADABLE, path + ": is a directory, not a file", null);
        }
        try {
            Files.readString(path);
        } catch (NoSuchFileException e) {
            throw new ConfigurationException(Code.CONFIG_UNREADABLE, path + ": no such file", e);
        } catch (CharacterCodingException e) {
            throw new ConfigurationException(Code.CONFIG_UNREADABLE, path + ": is not text in UTF-8", e);
        } catch (IOException e) {
            throw new ConfigurationException(
                    Code.CONFIG_UNREADABLE,
                    path + ": cannot be read (" + e.getClass().getSimpleName() + ")",
                    e);
        }
    }

    private String where(ConfigException e) {
        return e.origin() == null ? path.toString() : Origins.show(e.origin());
    }

    private static String substitution(String message) {
        int start = message.indexOf("${");
        int end = message.indexOf('}', start);
        return start < 0 || end < 0 ? "a substitution" : message.substring(start, end + 1);
    }

    /** The parser quotes what it stumbled over, which may be part of a secret: only punctuation is repeated. */
    static String withoutValues(String message) {
        String text = message.replaceFirst("^.*?: \\d+: ", "");
        if (text.startsWith("Cannot concatenate")) {
            return "a section or list cannot be joined to what stands before or behind it";
        }
        if (text.contains("'newline'") || text.contains("quote was still open")) {
            return "a double quote is not closed";
        }
        if (text.startsWith("Key ")) {
            return "a name is followed by none of =, : and {";
        }
        int quote = text.indexOf('\'');
        if (quote < 0) {
            int bracket = text.indexOf(" (");
            return bracket < 0 ? text : text.substring(0, bracket);
        }
        boolean punctuation = text.length() > quote + 2
                && text.charAt(quote + 2) == '\''
                && !Character.isLetterOrDigit(text.charAt(quote + 1));
        return text.substring(0, punctuation ? quote + 3 : quote).replaceFirst("[: ]+$", "");
    }
}
