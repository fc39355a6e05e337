package io.outboxrelay.manifests;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ComposeTest {

    /** What of the Compose specification is in use. Any other key is an error, so that none is misspelt. */
    private record File(String name, Map<String, Service> services, Map<String, Object> volumes) {}

    private record Service(
            String image,
            Build build,
            List<String> command,
            Map<String, String> environment,
            List<String> volumes,
            List<String> tmpfs,
            List<String> ports,
            Healthcheck healthcheck,
            String restart,
            @JsonProperty("read_only") boolean readOnly,
            @JsonProperty("cap_drop") List<String> capDrop,
            @JsonProperty("security_opt") List<String> securityOpt,
            @JsonProperty("mem_limit") String memLimit,
            @JsonProperty("stop_grace_period") String stopGracePeriod,
            @JsonProperty("depends_on") JsonNode dependsOn) {}

    private record Build(String context, String dockerfile) {}

    private record Healthcheck(List<String> test, String interval, String timeout, int retries) {}

    @Test
    void itHoldsNothingMisspeltAndNamesOnlyWhatIsThere() throws IOException {
        File file = compose();

        assertThat(file.services()).containsOnlyKeys("database", "kafka", "relay", "shop", "prometheus", "grafana");
        file.services().forEach((name, service) -> {
            assertThat(service.image()).as(name).isNotEmpty();
            for (String volume : orEmpty(service.volumes())) {
                String source = volume.substring(0, volume.indexOf(':'));
                if (source.startsWith(".")) {
                    assertThat(Deploy.FOLDER.resolve(source))
                            .as("%s: %s", name, volume)
                            .isRegularFile();
                    assertThat(volume).as(name).endsWith(":ro");
                } else {
                    assertThat(file.volumes()).as(name).containsKey(source);
                }
            }
            dependencies(service).forEach(other -> {
                assertThat(file.services()).as(name).containsKey(other);
                if (service.dependsOn().path(other).path("condition").asText().equals("service_healthy")) {
                    assertThat(file.services().get(other).healthcheck())
                            .as(other)
                            .isNotNull();
                }
            });
        });
    }

    @Test
    void theRelayIsLockedUpAndBuiltByTheDockerfile() throws IOException {
        Service relay = compose().services().get("relay");

        assertThat(relay.readOnly()).isTrue();
        assertThat(relay.capDrop()).containsExactly("ALL");
        assertThat(relay.securityOpt()).containsExactly("no-new-privileges:true");
        assertThat(Deploy.FOLDER
                        .resolve(relay.build().context())
                        .resolve(relay.build().dockerfile()))
                .isRegularFile();
    }

    @Test
    void everyPortIsOpenedToThisMachineOnly() throws IOException {
        List<String> ports = new ArrayList<>();
        compose().services().values().forEach(service -> ports.addAll(orEmpty(service.ports())));

        assertThat(ports).hasSize(3).allMatch(port -> port.startsWith("127.0.0.1:"));
    }

    @Test
    void prometheusAndGrafanaReadWhatIsMountedForThem() throws IOException {
        Map<String, Service> services = compose().services();

        assertThat(Deploy.yaml("compose/prometheus.yml").at("/rule_files/0").asText())
                .isIn(targets(services.get("prometheus")));
        assertThat(Deploy.yaml("compose/prometheus.yml")
                        .at("/scrape_configs/0/static_configs/0/targets/0")
                        .asText())
                .isEqualTo("relay:9470");
        String dashboards = Deploy.yaml("compose/grafana-dashboards.yml")
                .at("/providers/0/options/path")
                .asText();
        assertThat(targets(services.get("grafana"))).anyMatch(target -> target.startsWith(dashboards + "/"));
        assertThat(Deploy.yaml("compose/grafana-datasource.yml")
                        .at("/datasources/0/url")
                        .asText())
                .isEqualTo("http://prometheus:9090");
    }

    private static File compose() throws IOException {
        return Deploy.YAML.readValue(Files.readString(Deploy.FOLDER.resolve("compose.yaml")), File.class);
    }

    private static Set<String> dependencies(Service service) {
        Set<String> names = new TreeSet<>();
        if (service.dependsOn() != null && service.dependsOn().isArray()) {
            service.dependsOn().forEach(name -> names.add(name.asText()));
        } else if (service.dependsOn() != null) {
            service.dependsOn().fieldNames().forEachRemaining(names::add);
        }
        return names;
    }

    private static List<String> targets(Service service) {
        return service.volumes().stream()
                .map(volume -> volume.split(":", -1)[1])
                .toList();
    }

    private static List<String> orEmpty(List<String> list) {
        return list == null ? List.of() : list;
    }
}
