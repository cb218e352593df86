package io.github.tandem_sync.tandem;

import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.nio.channels.ClosedChannelException;
import java.util.UUID;

/** What holds for every call: it shows the token, and a change has an id. */
final class Calls implements ClientInterceptor {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    private final String token;

    Calls(String token) {
        this.token = token;
    }

    /** The change with an id. A repeat is the same change: the server knows it by its id. */
    static WriteRecordRequest named(WriteRecordRequest change) {
        return change.getChangeId().isEmpty()
                ? change.toBuilder().setChangeId(UUID.randomUUID().toString()).build()
                : change;
    }

    /** A connection that breaks just when a call is sent is UNKNOWN to grpc-java, and everywhere else UNAVAILABLE. */
    private static Status broken(Status status) {
        return status.getCode() == Status.Code.UNKNOWN && status.getCause() instanceof ClosedChannelException
                ? Status.UNAVAILABLE.withDescription(status.getDescription()).withCause(status.getCause())
                : status;
    }

    @Override
    public <Q, P> ClientCall<Q, P> interceptCall(MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
        return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
            @Override
            public void start(Listener<P> listener, Metadata headers) {
                if (token != null) {
                    headers.put(AUTHORIZATION, "Bearer " + token);
                }
                super.start(
                        new SimpleForwardingClientCallListener<>(listener) {
                            @Override
                            public void onClose(Status status, Metadata trailers) {
                                super.onClose(broken(status), trailers);
                            }
                        },
                        headers);
            }

            @Override
            @SuppressWarnings("unchecked") // a change is given on as a change
            public void sendMessage(Q message) {
                super.sendMessage(message instanceof WriteRecordRequest change ? (Q) named(change) : message);
            }
        };
    }
}
