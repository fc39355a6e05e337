package io.outboxrelay.relay.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class ShippedConfigurationTest {

    private static final Path SHIPPED = Path.of("src/dist/conf/outbox-relay.conf");
    private static final Pattern COMMENTED_OUT = Pattern.compile("^( *)# ([\\w.-]+ (=|\\{).*)$", Pattern.MULTILINE);

    private final RelayConfigReader reader = RelayConfigReader.ofClassPath();

    @Test
    void itIsReadAsItIs() throws Exception {
        assertThat(reader.read(SHIPPED).database().name()).isEqualTo("shop");
    }

    @Test
    void whatIsCommentedOutIsRightToo(@TempDir Path directory) throws Exception {
        String all = COMMENTED_OUT.matcher(Files.readString(SHIPPED)).replaceAll("$1$2");
        assertThat(all).contains("\n  preset = debezium").contains("\n  on-rejected = dead-letter");
        String besideThePassword = all.replaceFirst(" {2}password-file = .*\n", "");

        RelayConfig config = reader.read(Files.writeString(directory.resolve("all.conf"), besideThePassword));

        assertThat(config.delivery().rejection().policy()).isEqualTo(OnRejected.DEAD_LETTER);
    }
}
