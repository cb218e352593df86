package io.github.tandem_sync.tandem;

import io.github.tandem_sync.tandem.v1.ActivityEvent;
import io.github.tandem_sync.tandem.v1.AlertEvent;
import io.github.tandem_sync.tandem.v1.AlertServiceGrpc;
import io.github.tandem_sync.tandem.v1.AlertServiceGrpc.AlertServiceBlockingStub;
import io.github.tandem_sync.tandem.v1.QueueServiceGrpc;
import io.github.tandem_sync.tandem.v1.QueueServiceGrpc.QueueServiceBlockingStub;
import io.github.tandem_sync.tandem.v1.SyncServiceGrpc;
import io.github.tandem_sync.tandem.v1.SyncServiceGrpc.SyncServiceBlockingStub;
import io.github.tandem_sync.tandem.v1.TableMapServiceGrpc;
import io.github.tandem_sync.tandem.v1.TableMapServiceGrpc.TableMapServiceBlockingStub;
import io.github.tandem_sync.tandem.v1.TailActivityRequest;
import io.github.tandem_sync.tandem.v1.WatchAlertEventsRequest;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.function.Supplier;

/**
 * A connection to a server, and the four services behind it. It may be used by many threads.
 *
 * <p>The services are the stubs that grpc generates, which throw {@link StatusRuntimeException}. Within {@link #call} and
 * {@link #each} that is a {@link TandemException}, as it is everywhere else in this package:
 *
 * <pre>{@code
 * TableMap map = client.call(() -> client.tableMaps().getTableMap(request));
 * }</pre>
 */
public final class TandemClient implements AutoCloseable {
    private final ManagedChannel channel;

    TandemClient(ManagedChannel channel) {
        this.channel = channel;
    }

    /**
     * Prepares a connection with what the environment says: TANDEM_SERVER ({@code http://HOST:PORT}, or {@code https://}
     * where the server has TLS), TANDEM_TOKEN or TANDEM_TOKEN_FILE, TANDEM_CA_FILE (the authority of the server's
     * certificate; without it those that Java trusts), TANDEM_CERT_FILE with TANDEM_KEY_FILE (a certificate to show). The
     * connection comes about with the first call, and again after a break.
     */
    public static TandemClient connect() {
        return builder().connect();
    }

    /** A connection with what is given, and else with what the environment says. */
    public static Builder builder() {
        return new Builder();
    }

    public TableMapServiceBlockingStub tableMaps() {
        return TableMapServiceGrpc.newBlockingStub(channel);
    }

    public SyncServiceBlockingStub sync() {
        return SyncServiceGrpc.newBlockingStub(channel);
    }

    public QueueServiceBlockingStub queue() {
        return QueueServiceGrpc.newBlockingStub(channel);
    }

    public AlertServiceBlockingStub alerts() {
        return AlertServiceGrpc.newBlockingStub(channel);
    }

    /** For stubs of another kind, such as those that do not block. */
    public Channel channel() {
        return channel;
    }

    /** Makes a call of a stub with typed errors. */
    public <T> T call(Supplier<T> call) {
        try {
            return call.get();
        } catch (StatusRuntimeException error) {
            throw TandemException.of(error);
        }
    }

    /** Makes a call of a stub that answers many times, such as {@code watchQueueJob}, with typed errors. */
    public <T> Iterable<T> each(Supplier<Iterator<T>> call) {
        return () -> {
            Iterator<T> answers = call(call);
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return call(answers::hasNext);
                }

                @Override
                public T next() {
                    return call(answers::next);
                }
            };
        };
    }

    /** Follows the activity log of one map or of all, also through breaks: no event is lost, none comes twice. */
    public Tail<ActivityEvent> tailActivity(TailActivityRequest request) {
        String number = request.getParent().equals("tableMaps/-") ? "position" : "sequence";
        return new Tail<>(tableMaps()::tailActivity, request, number, channel::isShutdown);
    }

    /** Follows the alert events in the same way. */
    public Tail<AlertEvent> watchAlertEvents(WatchAlertEventsRequest request) {
        return new Tail<>(alerts()::watchAlertEvents, request, "sequence", channel::isShutdown);
    }

    /** Writes many changes over one stream, with a window of {@link Writer#WINDOW}; it waits for the server. */
    public Writer writer() {
        return writer(Writer.WINDOW, null);
    }

    /** Writes many changes over one stream; see {@link Writer}. Without a patience (null) it waits for the server. */
    public Writer writer(int window, Duration patience) {
        return new Writer(SyncServiceGrpc.newStub(channel), window, patience, channel::isShutdown);
    }

    /** Ends what is under way, and the connection. Close writers before, and what they have taken is answered. */
    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** What to connect with. What is not given, or null, is taken from the environment. */
    public static final class Builder {
        String server;
        String token;
        Path caFile;
        Path certFile;
        Path keyFile;
        boolean environment = true;

        private Builder() {}

        /** {@code http://HOST:PORT}, or {@code https://HOST:PORT} where the server has TLS. */
        public Builder server(String server) {
            this.server = server;
            return this;
        }

        /** The token to show. */
        public Builder token(String token) {
            this.token = token;
            return this;
        }

        /** The authority of the server's certificate, in PEM. */
        public Builder caFile(Path caFile) {
            this.caFile = caFile;
            return this;
        }

        /** A certificate to show, in PEM; it needs its {@link #keyFile}. */
        public Builder certFile(Path certFile) {
            this.certFile = certFile;
            return this;
        }

        /** The key of the certificate, in PEM (PKCS #8). */
        public Builder keyFile(Path keyFile) {
            this.keyFile = keyFile;
            return this;
        }

        /** Takes nothing from the environment. */
        public Builder withoutEnvironment() {
            environment = false;
            return this;
        }

        /** Prepares the connection; it comes about with the first call, and again after a break. */
        public TandemClient connect() {
            return new TandemClient(new Connection(this).open());
        }
    }
}
