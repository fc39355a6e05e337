package io.outboxrelay.manifests;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.PodSpec;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;

import static org.assertj.core.api.Assumptions.assumeThat;

/**
 * An overlay as {@code kubectl kustomize} renders it, read by the model of Kubernetes: a field that Kubernetes does not
 * know, or that stands twice, is an error.
 */
record Manifests(List<HasMetadata> objects, JsonNode serviceMonitor) {

    private static final Map<String, Class<? extends HasMetadata>> KINDS = Map.of(
            "v1/ConfigMap", ConfigMap.class,
            "v1/Service", Service.class,
            "v1/ServiceAccount", ServiceAccount.class,
            "apps/v1/Deployment", Deployment.class,
            "apps/v1/StatefulSet", StatefulSet.class,
            "policy/v1/PodDisruptionBudget", PodDisruptionBudget.class,
            "networking.k8s.io/v1/NetworkPolicy", NetworkPolicy.class);

    private static final ObjectMapper STRICT = YAMLMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .annotationIntrospector(new WithoutAnySetter())
            .build();

    /** The model puts fields that it does not know into a map; without it they are refused. */
    private static final class WithoutAnySetter extends JacksonAnnotationIntrospector {

        private static final long serialVersionUID = 1;

        @Override
        public Boolean hasAnySetter(Annotated annotated) {
            return false;
        }

        @Override
        public Boolean hasAnyGetter(Annotated annotated) {
            return false;
        }

        @Override
        public JsonIgnoreProperties.Value findPropertyIgnoralByName(MapperConfig<?> config, Annotated annotated) {
            return JsonIgnoreProperties.Value.empty();
        }
    }

    static Manifests render(String overlay) throws IOException, InterruptedException {
        assumeThat(Deploy.has("kubectl"))
                .as("there is a kubectl, as .ci/run sees to")
                .isTrue();
        return read(Deploy.output(
                "kubectl",
                "kustomize",
                Deploy.FOLDER.resolve("kubernetes/" + overlay).toString()));
    }

    static Manifests read(String yaml) throws IOException {
        List<HasMetadata> objects = new ArrayList<>();
        JsonNode monitor = null;
        try (MappingIterator<JsonNode> documents =
                STRICT.readerFor(JsonNode.class).readValues(yaml)) {
            while (documents.hasNext()) {
                JsonNode document = documents.next();
                String kind = document.path("apiVersion").asText() + "/"
                        + document.path("kind").asText();
                if (kind.equals("monitoring.coreos.com/v1/ServiceMonitor")) {
                    monitor = document;
                } else if (KINDS.containsKey(kind)) {
                    objects.add(STRICT.treeToValue(document, KINDS.get(kind)));
                } else {
                    throw new IOException("no test knows the kind " + kind);
                }
            }
        }
        return new Manifests(objects, monitor);
    }

    /** The only object of this kind and name; that of a generator by what its name begins with. */
    <T extends HasMetadata> T the(Class<T> kind, String name) {
        List<T> found = objects.stream()
                .filter(kind::isInstance)
                .map(kind::cast)
                .filter(object -> object.getMetadata().getName().matches(name + "(-[a-z0-9]{10})?"))
                .toList();
        if (found.size() != 1) {
            throw new AssertionError(found.size() + " objects " + kind.getSimpleName() + " " + name);
        }
        return found.get(0);
    }

    /** What every Deployment and StatefulSet makes. */
    List<PodSpec> pods() {
        return objects.stream()
                .map(object -> object instanceof Deployment deployment
                        ? deployment.getSpec().getTemplate()
                        : object instanceof StatefulSet set ? set.getSpec().getTemplate() : null)
                .filter(Objects::nonNull)
                .map(PodTemplateSpec::getSpec)
                .toList();
    }
}
