package io.outboxrelay.benchmark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class JavaHomeTest {

    @TempDir
    private Path home;

    @Test
    void theOneThatIsNamedIsTaken() throws IOException {
        install("25.0.1");
        assertThat(JavaHome.atLeast(21, home.toString())).contains(home);
    }

    @Test
    void oneThatIsTooOldIsRefused() throws IOException {
        install("17.0.15");
        assertThatThrownBy(() -> JavaHome.atLeast(21, home.toString()))
                .hasMessage("benchmark.java21 = " + home + ": there is no Java 21 or newer");
    }

    @Test
    void aFolderWithoutJavaIsRefused() {
        assertThatThrownBy(() -> JavaHome.atLeast(21, home.toString())).hasMessageContaining("there is no Java 21");
    }

    @Test
    void withoutANameThisProcessesOwnIsTakenIfItIsNewEnough() {
        assertThat(JavaHome.atLeast(17, "")).contains(Path.of(System.getProperty("java.home")));
    }

    private void install(String version) throws IOException {
        Path java = Files.createDirectories(home.resolve("bin")).resolve("java");
        assertThat(Files.createFile(java).toFile().setExecutable(true)).isTrue();
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\n");
    }
}
