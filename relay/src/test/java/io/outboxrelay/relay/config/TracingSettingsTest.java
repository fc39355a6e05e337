package io.outboxrelay.relay.config;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigResolveOptions;
import io.outboxrelay.api.config.Problem;
import io.outboxrelay.api.config.Settings;
import io.outboxrelay.testkit.CertificateAuthority;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class TracingSettingsTest {

    @TempDir
    private Path folder;

    private List<Problem> problems = List.of();

    @Test
    void withoutAnEndpointNothingIsTraced() {
        assertThat(read("")).isEmpty();
        assertThat(problems).isEmpty();
    }

    @Test
    void withoutAnEndpointTheOtherSettingsAreCheckedAllTheSame() {
        assertThat(read("sampling-ratio = 2, max-queued-spans = 1")).isEmpty();
        assertThat(problems)
                .extracting(problem -> problem.path() + " " + problem.text())
                .containsExactly(
                        "tracing.sampling-ratio is \"2\"; allowed: a number from 0.0 to 1.0",
                        "tracing.max-queued-spans is \"1\"; allowed: a whole number from 512 to 100000");
    }

    @ParameterizedTest
    @CsvSource({
        "http://otel:4318, http://otel:4318/v1/traces",
        "http://otel:4318/, http://otel:4318/v1/traces",
        "https://otel/tenant, https://otel/tenant/v1/traces",
        "https://otel/v1/traces, https://otel/v1/traces"
    })
    void thePathOfTracesIsAddedToTheEndpoint(String given, String used) {
        assertThat(read("otlp-endpoint = \"" + given + "\"").orElseThrow().endpoint())
                .isEqualTo(URI.create(used));
        assertThat(problems).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"otel:4318", "grpc://otel:4317", "http://", "http://me:s3cret@otel", "http://otel?key=s3cret"})
    void whatIsNoEndpointIsRefusedWithoutBeingRepeated(String given) {
        read("otlp-endpoint = \"" + given + "\"");

        assertThat(problems)
                .singleElement()
                .satisfies(problem -> assertThat(problem.toString())
                        .contains("tracing.otlp-endpoint")
                        .contains("is no endpoint; allowed: http://HOST:PORT")
                        .doesNotContain("s3cret"));
    }

    @Test
    void headersComeFromTheFileOrFromOneOfTheirOwn() throws IOException {
        Path secret = Files.writeString(folder.resolve("token"), "Bearer s3cret\n");

        TracingSettings settings = read("otlp-endpoint = \"http://otel\", headers { authorization-file = \"" + secret
                        + "\", x-tenant = shop }")
                .orElseThrow();

        assertThat(settings.headers()).isEqualTo(Map.of("authorization", "Bearer s3cret", "x-tenant", "shop"));
        assertThat(settings.toString()).doesNotContain("s3cret");
    }

    @Test
    void headersThatCannotBeSentAreRefusedWithoutTheirValues() {
        read("otlp-endpoint = \"http://otel\", headers { Content-Type = a, \"b c\" = s3cret, d = \"s3cret\\n\" }");

        assertThat(problems)
                .hasSize(3)
                .allSatisfy(problem -> assertThat(problem.toString())
                        .contains("tracing.headers")
                        .doesNotContain("s3cret"));
    }

    @Test
    void certificatesAreReadAtOnce() throws IOException {
        String pem = new CertificateAuthority("collectors").certificatePem();
        Path good = Files.writeString(folder.resolve("ca.pem"), pem);
        Path bad = Files.writeString(folder.resolve("bad.pem"), "s3cret");

        assertThat(read("otlp-endpoint = \"https://otel\", trusted-certificates = \"" + good + "\"")
                        .orElseThrow()
                        .trustedCertificates())
                .contains(pem);
        read("trusted-certificates = \"" + bad + "\"");
        assertThat(problems)
                .singleElement()
                .satisfies(problem ->
                        assertThat(problem.text()).isEqualTo("is \"" + bad + "\", which holds no PEM certificates"));
        read("trusted-certificates = \"" + folder.resolve("missing.pem") + "\"");
        assertThat(problems)
                .singleElement()
                .satisfies(problem -> assertThat(problem.text())
                        .isEqualTo("cannot read " + folder.resolve("missing.pem") + " (NoSuchFileException)"));
    }

    private Optional<TracingSettings> read(String text) {
        Settings all = Settings.of(ConfigFactory.parseString("tracing { " + text + " }")
                .withFallback(ConfigFactory.parseFile(new File("src/main/resources/reference.conf")))
                .resolve(ConfigResolveOptions.noSystem()));
        Optional<TracingSettings> read = TracingSettings.read(all.section("tracing"), "kafka");
        problems = all.problems();
        return read;
    }
}
