package io.outboxrelay.testkit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;

import com.github.dockerjava.api.DockerClient;
import org.awaitility.Awaitility;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;

/** Stops, kills and starts one container, which keeps its data and its ports; Testcontainers itself removes it at stop. */
final class ContainerLife {

    private static final Duration STOP_LIMIT = Duration.ofSeconds(60);

    private final GenericContainer<?> container;

    ContainerLife(GenericContainer<?> container) {
        this.container = container;
    }

    void stop() {
        if (isRunning()) {
            docker().stopContainerCmd(container.getContainerId())
                    .withTimeout((int) STOP_LIMIT.toSeconds())
                    .exec();
        }
        awaitEnd();
    }

    /**
     * Ends the container by ending the process that it lives for: where a shell is the container's first process, it
     * keeps the signal of {@link #stop()} to itself.
     */
    void stop(String process) {
        if (isRunning()) {
            run("kill -TERM $(pidof " + process + ")");
        }
        awaitEnd();
    }

    void kill() {
        if (isRunning()) {
            docker().killContainerCmd(container.getContainerId())
                    .withSignal("KILL")
                    .exec();
        }
        awaitEnd();
    }

    void start() {
        docker().startContainerCmd(container.getContainerId()).exec();
    }

    /** Runs a shell command inside, and waits for its end. */
    void run(String command) {
        try {
            ExecResult result = container.execInContainer("sh", "-c", command);
            if (result.getExitCode() != 0) {
                throw new IllegalStateException(
                        command + " ended with status " + result.getExitCode() + ": " + result.getStderr());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private void awaitEnd() {
        Awaitility.await("the container to be gone").atMost(STOP_LIMIT).until(() -> !isRunning());
    }

    private boolean isRunning() {
        return Boolean.TRUE.equals(docker().inspectContainerCmd(container.getContainerId())
                .exec()
                .getState()
                .getRunning());
    }

    private DockerClient docker() {
        return container.getDockerClient();
    }
}
