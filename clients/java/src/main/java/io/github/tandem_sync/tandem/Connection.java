package io.github.tandem_sync.tandem;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.reflect.TypeToken;
import io.grpc.ChannelCredentials;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Where to connect to, with what, and how a channel behaves. */
final class Connection {
    private static final String DEFAULT_SERVER = "http://127.0.0.1:7070";
    // A connection that carries calls and is silent for so long is asked whether the other end is still there.
    private static final long KEEPALIVE_SECONDS = 30;
    private static final long KEEPALIVE_TIMEOUT_SECONDS = 10;

    private final boolean environment;
    private final URI server;
    private final String token;
    private final Path caFile;
    private final Path certFile;
    private final Path keyFile;

    Connection(TandemClient.Builder given) {
        environment = given.environment;
        String named = given(given.server, "TANDEM_SERVER");
        server = server(named == null ? DEFAULT_SERVER : named);
        token = token(given.token);
        caFile = given(given.caFile, "TANDEM_CA_FILE");
        certFile = given(given.certFile, "TANDEM_CERT_FILE");
        keyFile = given(given.keyFile, "TANDEM_KEY_FILE");
        if ((certFile == null) != (keyFile == null)) {
            throw new IllegalArgumentException("a certificate needs its key, and a key its certificate");
        }
    }

    private String given(String value, String variable) {
        String found = value == null && environment ? System.getenv(variable) : value;
        return found == null || found.isEmpty() ? null : found;
    }

    private Path given(Path value, String variable) {
        String found = value == null ? given((String) null, variable) : null;
        return found == null ? value : Path.of(found);
    }

    private String token(String value) {
        Path file = value == null ? given((Path) null, "TANDEM_TOKEN_FILE") : null;
        if (file == null) {
            return given(value, "TANDEM_TOKEN");
        }
        try {
            return Files.readString(file).strip();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static URI server(String named) {
        String wrong = "'" + named + "' is no URL of a server: http://HOST:PORT or https://HOST:PORT";
        URI server;
        try {
            server = URI.create(named);
        } catch (IllegalArgumentException error) {
            throw new IllegalArgumentException(wrong, error);
        }
        boolean known = "http".equals(server.getScheme()) || "https".equals(server.getScheme());
        if (!known || server.getHost() == null) {
            throw new IllegalArgumentException(wrong);
        }
        return server;
    }

    ManagedChannel open() {
        boolean tls = server.getScheme().equals("https");
        int port = server.getPort() != -1 ? server.getPort() : tls ? 443 : 80;
        ManagedChannel channel = Grpc.newChannelBuilderForAddress(
                        server.getHost(), port, tls ? certificates() : InsecureChannelCredentials.create())
                .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
                .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
                .defaultServiceConfig(serviceConfig())
                .enableRetry()
                .intercept(new Calls(token))
                .build();
        comeBack(channel, ConnectivityState.IDLE, new Backoff());
        return channel;
    }

    private ChannelCredentials certificates() {
        TlsChannelCredentials.Builder shown = TlsChannelCredentials.newBuilder();
        try {
            if (caFile != null) {
                shown.trustManager(caFile.toFile());
            }
            if (certFile != null) {
                shown.keyManager(certFile.toFile(), keyFile.toFile());
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return shown.build();
    }

    private static Map<String, ?> serviceConfig() {
        try (InputStream file = Connection.class.getResourceAsStream("service_config.json")) {
            JsonObject config = JsonParser.parseReader(new InputStreamReader(file, StandardCharsets.UTF_8)).getAsJsonObject();
            // What is retried may be repeated in any case, and of some broken connections grpc-java says UNKNOWN; see Calls.
            config.getAsJsonArray("methodConfig").forEach(methods -> methods.getAsJsonObject()
                    .getAsJsonObject("retryPolicy")
                    .getAsJsonArray("retryableStatusCodes")
                    .add("UNKNOWN"));
            return new Gson().fromJson(config, new TypeToken<Map<String, Object>>() {});
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** A server that was away is soon tried again; by itself grpc would leave it alone for a second, and then up to two minutes. */
    private static void comeBack(ManagedChannel channel, ConnectivityState before, Backoff backoff) {
        if (before == ConnectivityState.SHUTDOWN) {
            return;
        }
        if (before != ConnectivityState.TRANSIENT_FAILURE) {
            backoff.reset();
            channel.notifyWhenStateChanged(before, () -> comeBack(channel, channel.getState(false), backoff));
            return;
        }
        CompletableFuture.delayedExecutor(backoff.next().toNanos(), TimeUnit.NANOSECONDS).execute(() -> {
            ConnectivityState now = channel.getState(false);
            if (now == ConnectivityState.TRANSIENT_FAILURE) {
                channel.resetConnectBackoff();
            }
            comeBack(channel, now, backoff);
        });
    }
}
