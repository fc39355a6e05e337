package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class SubjectsTest {

    @TempDir
    private Path directory;

    @BeforeEach
    void aDistributionWithOneSource() throws IOException {
        Path lib = Files.createDirectories(directory.resolve("relay/lib"));
        Files.createFile(lib.resolve("source-debezium-1.0.jar"));
    }

    @Test
    void aSourceThatTheDistributionLacksIsLeftOut() {
        assertThat(chosen("relay-debezium", "relay-other"))
                .extracting(Subject::name)
                .containsExactly("relay-debezium");
    }

    @Test
    void programsThatAreNotHereAreLeftOut() {
        assertThat(chosen("debezium-server", "debezium-server-tuned", "pg_recvlogical", "relay-debezium"))
                .extracting(Subject::name)
                .containsExactly("relay-debezium");
    }

    @Test
    void settingsBehindANameBecomeLinesOfTheConfiguration() {
        Subject subject = chosen("relay-debezium+broker.kafka.linger=5ms+broker.kafka.compression=none")
                .get(0);
        assertThat(subject.name()).isEqualTo("relay-debezium+broker.kafka.linger=5ms+broker.kafka.compression=none");
        assertThat(((RelaySubject) subject).configuration())
                .isEqualTo("broker.kafka.linger=5ms\nbroker.kafka.compression=none");
        assertThat(subject.kind()).isEqualTo(Subject.Kind.RELAY_BY_LOG);
    }

    @Test
    void anUnknownNameIsRefused() {
        assertThatThrownBy(() -> chosen("relais")).hasMessageContaining("benchmark.subjects: relais is none of");
    }

    @Test
    void itIsAFaultIfNothingIsLeft() {
        assertThatThrownBy(() -> chosen("pg_recvlogical")).hasMessageContaining("none of them can be measured here");
    }

    private List<Subject> chosen(String... names) {
        return new Subjects(new Settings(
                        directory.resolve("relay"),
                        directory,
                        1,
                        1,
                        1,
                        List.of("all"),
                        List.of(names),
                        "",
                        directory.resolve("server"),
                        "",
                        directory.resolve("pg_recvlogical")))
                .chosen();
    }
}
