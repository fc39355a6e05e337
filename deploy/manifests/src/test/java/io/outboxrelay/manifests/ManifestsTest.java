package io.outboxrelay.manifests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.outboxrelay.schema.SchemaScript;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class ManifestsTest {

    @Test
    void standaloneIsTwoRelaysOfWhichOneMayBeMissing() throws Exception {
        Manifests manifests = Manifests.render("standalone");

        Deployment deployment = manifests.the(Deployment.class, "outbox-relay");
        assertThat(deployment.getSpec().getReplicas()).isEqualTo(2);
        PodSpec pod = deployment.getSpec().getTemplate().getSpec();
        Container relay = pod.getContainers().get(0);
        assertIsLockedUp(pod, relay);
        assertThat(relay.getReadinessProbe().getHttpGet().getPath()).isEqualTo("/health/ready");
        assertThat(manifests
                        .the(PodDisruptionBudget.class, "outbox-relay")
                        .getSpec()
                        .getMaxUnavailable()
                        .getIntVal())
                .isEqualTo(1);

        var labels = deployment.getSpec().getTemplate().getMetadata().getLabels();
        assertThat(labels)
                .containsAllEntriesOf(deployment.getSpec().getSelector().getMatchLabels())
                .containsAllEntriesOf(manifests
                        .the(PodDisruptionBudget.class, "outbox-relay")
                        .getSpec()
                        .getSelector()
                        .getMatchLabels())
                .containsAllEntriesOf(manifests
                        .the(NetworkPolicy.class, "outbox-relay")
                        .getSpec()
                        .getPodSelector()
                        .getMatchLabels());
    }

    @Test
    void prometheusFindsTheStandaloneRelays() throws Exception {
        Manifests manifests = Manifests.render("standalone");

        Service service = manifests.the(Service.class, "outbox-relay");
        var monitor = manifests.serviceMonitor();
        assertThat(service.getMetadata().getLabels())
                .containsEntry(
                        "app.kubernetes.io/name",
                        monitor.at("/spec/selector/matchLabels/app.kubernetes.io~1name")
                                .asText());
        assertThat(monitor.at("/spec/endpoints/0/port").asText())
                .isEqualTo(service.getSpec().getPorts().get(0).getName());
        assertThat(monitor.at("/spec/endpoints/0/path").asText()).isEqualTo("/metrics");
        // The operator names the job after the service, and the alert rules ask for it.
        assertThat(service.getMetadata().getName()).isEqualTo("outbox-relay");
        assertThat(manifests
                        .the(NetworkPolicy.class, "outbox-relay")
                        .getSpec()
                        .getIngress()
                        .get(0)
                        .getPorts()
                        .get(0)
                        .getPort()
                        .getIntVal())
                .isEqualTo(9470);
    }

    @Test
    void theSidecarStartsBeforeTheServiceAndHoldsNobodyUp() throws Exception {
        Manifests manifests = Manifests.render("sidecar");

        PodSpec pod =
                manifests.the(Deployment.class, "shop").getSpec().getTemplate().getSpec();
        Container relay = pod.getInitContainers().get(0);
        assertIsLockedUp(pod, relay);
        assertThat(relay.getRestartPolicy()).isEqualTo("Always");
        assertThat(relay.getReadinessProbe())
                .as("it would be the pod's, and take the service away when Kafka is down")
                .isNull();
        assertThat(pod.getTerminationGracePeriodSeconds()).isGreaterThan(20);
        Deployment standalone = Manifests.render("standalone").the(Deployment.class, "outbox-relay");
        Container alone =
                standalone.getSpec().getTemplate().getSpec().getContainers().get(0);
        assertThat(relay.getResources()).isEqualTo(alone.getResources());
        assertThat(relay.getVolumeMounts()).isEqualTo(alone.getVolumeMounts());
        assertThat(relay.getLivenessProbe()).isEqualTo(alone.getLivenessProbe());
    }

    @Test
    void whatIsMountedExists() throws Exception {
        for (String overlay : List.of("standalone", "sidecar")) {
            Manifests manifests = Manifests.render(overlay);
            List<String> configMaps = manifests.objects().stream()
                    .filter(ConfigMap.class::isInstance)
                    .map(object -> object.getMetadata().getName())
                    .toList();
            List<PodSpec> pods = manifests.pods();
            assertThat(pods)
                    .isNotEmpty()
                    .allSatisfy(pod -> assertThat(pod.getVolumes())
                            .filteredOn(volume -> volume.getConfigMap() != null)
                            .isNotEmpty()
                            .allSatisfy(volume -> assertThat(configMaps)
                                    .contains(volume.getConfigMap().getName())));
            assertThat(manifests.the(ServiceAccount.class, "outbox-relay").getAutomountServiceAccountToken())
                    .isFalse();
        }
    }

    @Test
    void theSamplesDatabaseIsMadeByTheScriptsOfTheSchema() throws Exception {
        Path scripts = Deploy.FOLDER.resolve("kubernetes/sidecar/database");

        assertThat(scripts.resolve("10-outbox.sql")).hasContent(SchemaScript.TABLE.sql());
        assertThat(scripts.resolve("20-relay.sql")).hasContent(SchemaScript.RELAY.sql());
        assertThat(scripts.resolve("30-dead-letter.sql")).hasContent(SchemaScript.DEAD_LETTER.sql());
        assertThat(scripts.resolve("40-role.sql"))
                .hasSameTextualContentAs(
                        Deploy.TOP.resolve("outbox-schema/src/main/resources/db/outbox/postgres/roles/relay.sql"));
        for (String shared : List.of("50-password.sh", "60-shop.sql")) {
            assertThat(scripts.resolve(shared)).hasSameTextualContentAs(Deploy.FOLDER.resolve("compose/" + shared));
        }
        assertThat(scripts.resolveSibling("place-orders.sh"))
                .hasSameTextualContentAs(Deploy.FOLDER.resolve("compose/place-orders.sh"));
    }

    @Test
    void aFieldThatKubernetesDoesNotKnowIsNoticed() throws IOException {
        String right = Files.readString(Deploy.FOLDER.resolve("kubernetes/standalone/deployment.yaml"));

        assertThat(Manifests.read(right).objects()).hasSize(1);
        assertThatThrownBy(() -> Manifests.read(right.replace("failureThreshold", "failureTreshold")))
                .isInstanceOf(UnrecognizedPropertyException.class)
                .hasMessageContaining("failureTreshold");
    }

    private static void assertIsLockedUp(PodSpec pod, Container relay) {
        assertThat(relay.getImage()).startsWith("outbox-relay:");
        assertThat(pod.getAutomountServiceAccountToken()).isFalse();
        assertThat(pod.getSecurityContext().getRunAsNonRoot()).isTrue();
        assertThat(pod.getSecurityContext().getSeccompProfile().getType()).isEqualTo("RuntimeDefault");
        assertThat(relay.getSecurityContext().getReadOnlyRootFilesystem()).isTrue();
        assertThat(relay.getSecurityContext().getAllowPrivilegeEscalation()).isFalse();
        assertThat(relay.getSecurityContext().getCapabilities().getDrop()).containsExactly("ALL");
        assertThat(relay.getLivenessProbe().getHttpGet().getPath()).isEqualTo("/health/live");
        assertThat(relay.getStartupProbe().getHttpGet().getPath()).isEqualTo("/health/live");
        assertThat(relay.getPorts().get(0).getContainerPort()).isEqualTo(9470);
        assertThat(Quantity.getAmountInBytes(relay.getResources().getLimits().get("memory"))
                        .longValueExact())
                .as("the heap of jvm.flags, and what Java needs beside it")
                .isGreaterThanOrEqualTo((256L + 192) << 20);
    }
}
