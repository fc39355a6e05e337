package io.outboxrelay.relay;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

import io.outboxrelay.api.Broker;
import io.outboxrelay.api.BrokerFactory;
import io.outboxrelay.api.Code;
import io.outboxrelay.api.Finding;
import io.outboxrelay.testkit.MountedSecret;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class BrokerFilesTest {

    @TempDir
    private Path directory;

    private final List<Duration> renewals = new ArrayList<>();
    private List<Finding> findings = List.of();
    private MountedSecret secret;
    private BrokerFiles files;

    @BeforeEach
    void look() {
        secret = new MountedSecret(directory, Map.of("tls.crt", "one", "tls.key", "one"));
        files = new BrokerFiles(new Watched(), renewals::add);
    }

    @AfterEach
    void close() {
        files.close();
    }

    @Test
    void theBrokerIsRenewedOnceWhenAllLinksPointElsewhere() throws Exception {
        lookTwice();
        assertThat(renewals).as("nothing has changed").isEmpty();

        secret.replace(Map.of("tls.crt", "two", "tls.key", "two"));
        lookTwice();
        lookTwice();

        assertThat(renewals).hasSize(1);
    }

    @Test
    void whatIsStillBeingWrittenIsLeftAlone() throws Exception {
        for (int i = 0; i < 5; i++) {
            Files.writeString(secret.file("tls.crt"), "part " + i);
            files.renewIfChanged();
        }
        assertThat(renewals).isEmpty();

        files.renewIfChanged();
        assertThat(renewals).hasSize(1);
    }

    @Test
    void theSameContentIsNoChange() throws Exception {
        secret.replace(Map.of("tls.crt", "one", "tls.key", "one"));
        lookTwice();

        assertThat(renewals).isEmpty();
    }

    @Test
    void whatTheBrokerDoesNotAcceptIsNotUsedUntilItDoes() throws Exception {
        findings =
                List.of(Finding.error(Code.BROKER_REFUSES, "broker", "the certificate has expired", "make a new one"));
        secret.replace(Map.of("tls.crt", "expired", "tls.key", "expired"));
        lookTwice();
        lookTwice();
        assertThat(renewals).isEmpty();

        findings = List.of();
        for (int look = 0; look < BrokerFiles.LOOKS_AFTER_REFUSAL; look++) {
            files.renewIfChanged();
        }
        assertThat(renewals).hasSize(1);
    }

    @Test
    void whatChangesOnceMoreAfterARefusalIsTriedAtOnce() throws Exception {
        findings = List.of(Finding.error(Code.BROKER_REFUSES, "broker", "key and certificate do not fit", "make both"));
        Files.writeString(secret.file("tls.crt"), "two");
        lookTwice();

        findings = List.of();
        Files.writeString(secret.file("tls.key"), "two");
        lookTwice();
        assertThat(renewals).hasSize(1);
    }

    private void lookTwice() throws InterruptedException {
        files.renewIfChanged();
        files.renewIfChanged();
    }

    private final class Watched implements BrokerFactory {

        @Override
        public List<Finding> check(Set<String> destinations) {
            return findings;
        }

        @Override
        public Set<Path> files() {
            return Set.of(secret.file("tls.crt"), secret.file("tls.key"));
        }

        @Override
        public Broker open() {
            throw new UnsupportedOperationException();
        }
    }
}
