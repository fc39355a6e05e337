package io.outboxrelay.testkit.network;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

final class TcpProxyTest {

    private static final int PATIENCE_MILLIS = 20_000;
    private static final int LITTLE_MILLIS = 300;

    private final Echo echo = new Echo();
    private final TcpProxy proxy = TcpProxy.listen(freePort(), "localhost", echo.port());

    @AfterEach
    void close() throws IOException {
        proxy.close();
        echo.close();
    }

    @Test
    void bytesPassBothWaysUntilBothEndsAreDone() throws Exception {
        try (Socket client = connect()) {
            assertThat(answer(client, "hello")).isEqualTo("hello");
            client.shutdownOutput();
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
        awaitConnections(0);
    }

    @Test
    void aCutEndsConnectionsWithAResetAndTakesNewOnes() throws Exception {
        try (Socket client = connect()) {
            answer(client, "hello");
            proxy.cut();
            assertThatThrownBy(() -> client.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
        }
        try (Socket client = connect()) {
            assertThat(answer(client, "again")).isEqualTo("again");
        }
    }

    @Test
    void refusedClientsFindNobodyUntilItHealsAndOldConnectionsStay() throws Exception {
        try (Socket client = connect()) {
            answer(client, "hello");
            proxy.refuse();
            assertThatThrownBy(this::connect).isInstanceOf(ConnectException.class);
            assertThat(answer(client, "still")).isEqualTo("still");
            proxy.heal();
            connect().close();
        }
    }

    @Test
    void whatIsHeldPassesLater() throws Exception {
        try (Socket client = connect()) {
            proxy.both(Flow.HELD);
            send(client, "patience");
            requireNothing(client);
            proxy.heal();
            assertThat(receive(client, 8)).isEqualTo("patience");
        }
    }

    @Test
    void oneDirectionCanBeHeldAlone() throws Exception {
        try (Socket client = connect()) {
            proxy.toClient(Flow.HELD);
            send(client, "heard");
            Awaitility.await("the server to hear it").until(() -> echo.heard() == 5);
            requireNothing(client);
        }
    }

    @Test
    void anEndIsHeldToo() throws Exception {
        try (Socket client = connect()) {
            answer(client, "hello");
            proxy.both(Flow.HELD);
            client.shutdownOutput();
            requireNothing(client);
            proxy.heal();
            assertThat(client.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    void deadConnectionsStayDeadWhileNewOnesLive() throws Exception {
        try (Socket old = connect()) {
            answer(old, "hello");
            proxy.deaden();
            proxy.heal();
            send(old, "anybody?");
            requireNothing(old);
            try (Socket client = connect()) {
                assertThat(answer(client, "new")).isEqualTo("new");
            }
        }
        Awaitility.await("the server to be told of the live one's end").until(() -> echo.ends() >= 1);
        assertThat(echo.ends()).as("ends that the server was told of").isEqualTo(1);
        assertThat(proxy.connections()).as("the dead one").isGreaterThanOrEqualTo(1);
    }

    @Test
    void aSlowNetworkTakesItsTimeAndChangesNothing() throws Exception {
        try (Socket client = connect()) {
            proxy.toServer(Flow.slow(1_000));
            long began = System.nanoTime();
            assertThat(answer(client, "x".repeat(500))).isEqualTo("x".repeat(500));
            assertThat(millisSince(began)).isBetween(400L, (long) PATIENCE_MILLIS);
        }
    }

    @Test
    void aLateNetworkIsLate() throws Exception {
        try (Socket client = connect()) {
            proxy.toServer(Flow.late(Duration.ofMillis(200)));
            long began = System.nanoTime();
            assertThat(answer(client, "hello")).isEqualTo("hello");
            assertThat(millisSince(began)).isGreaterThanOrEqualTo(190);
        }
    }

    @Test
    void bytesComeOneByOne() throws Exception {
        try (Socket client = connect()) {
            proxy.both(Flow.BYTE_BY_BYTE);
            String text = "0123456789".repeat(100);
            assertThat(answer(client, text)).isEqualTo(text);
        }
    }

    @Test
    void aServerThatIsDownEndsTheConnection() throws Exception {
        echo.close();
        try (Socket client = connect()) {
            assertThatThrownBy(() -> {
                        if (client.getInputStream().read() < 0) {
                            throw new SocketException("ended");
                        }
                    })
                    .isInstanceOf(SocketException.class);
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
        socket.setSoTimeout(PATIENCE_MILLIS);
        return socket;
    }

    private static String answer(Socket client, String text) throws IOException {
        send(client, text);
        return receive(client, text.length());
    }

    private static void send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes(US_ASCII));
    }

    private static String receive(Socket client, int length) throws IOException {
        return new String(client.getInputStream().readNBytes(length), US_ASCII);
    }

    private static void requireNothing(Socket client) throws IOException {
        client.setSoTimeout(LITTLE_MILLIS);
        assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketTimeoutException.class);
        client.setSoTimeout(PATIENCE_MILLIS);
    }

    private void awaitConnections(int count) {
        Awaitility.await("connections to end").until(() -> proxy.connections() == count);
    }

    private static long millisSince(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanos);
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
