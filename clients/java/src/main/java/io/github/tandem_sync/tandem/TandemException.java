package io.github.tandem_sync.tandem;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Why a call, or a change of a stream, was not done, with the details that the server gives. */
public final class TandemException extends RuntimeException {
    /** A field of the request that is malformed, and why. */
    public record Violation(String field, String description) implements Serializable {}

    /** What an error is about. */
    public record Resource(String type, String name) implements Serializable {}

    private static final Metadata.Key<com.google.rpc.Status> DETAILS = Metadata.Key.of(
            "grpc-status-details-bin", ProtoUtils.metadataMarshaller(com.google.rpc.Status.getDefaultInstance()));

    private final Status.Code code;
    private String reason = "";
    private Map<String, String> metadata = Map.of();
    private List<Violation> violations = List.of();
    private Resource resource;
    private Duration retryDelay;

    TandemException(Status.Code code, String message, List<Any> details, Throwable cause) {
        super(message, cause);
        this.code = code;
        try {
            for (Any detail : details) {
                add(detail);
            }
        } catch (InvalidProtocolBufferException malformed) {
            addSuppressed(malformed);
        }
    }

    TandemException(Status.Code code, String message) {
        this(code, message, List.of(), null);
    }

    private void add(Any detail) throws InvalidProtocolBufferException {
        if (detail.is(ErrorInfo.class)) {
            ErrorInfo info = detail.unpack(ErrorInfo.class);
            reason = info.getReason();
            metadata = Map.copyOf(info.getMetadataMap());
        } else if (detail.is(BadRequest.class)) {
            violations = detail.unpack(BadRequest.class).getFieldViolationsList().stream()
                    .map(each -> new Violation(each.getField(), each.getDescription()))
                    .toList();
        } else if (detail.is(RetryInfo.class)) {
            var delay = detail.unpack(RetryInfo.class).getRetryDelay();
            retryDelay = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
        } else if (detail.is(ResourceInfo.class)) {
            ResourceInfo info = detail.unpack(ResourceInfo.class);
            resource = new Resource(info.getResourceType(), info.getResourceName());
        }
    }

    /**
     * The typed error of what a stub has thrown, or a future has come to.
     *
     * @throws IllegalArgumentException when it is no error of a call
     */
    public static TandemException of(Throwable error) {
        for (Throwable each = error; each != null; each = each.getCause()) {
            if (each instanceof TandemException typed) {
                return typed;
            }
            if (each instanceof StatusRuntimeException ended) {
                return of(ended.getStatus(), ended.getTrailers(), ended);
            }
            if (each instanceof StatusException ended) {
                return of(ended.getStatus(), ended.getTrailers(), ended);
            }
        }
        throw new IllegalArgumentException("not an error of a call", error);
    }

    /** The typed error of a status that is part of an answer. */
    public static TandemException of(com.google.rpc.Status status) {
        Status.Code code = Status.fromCodeValue(status.getCode()).getCode();
        return new TandemException(code, status.getMessage(), status.getDetailsList(), null);
    }

    private static TandemException of(Status status, Metadata trailers, Exception cause) {
        com.google.rpc.Status told = trailers == null ? null : trailers.get(DETAILS);
        // By itself a broken transport says as little as "io exception".
        Object why = told == null ? status.getCause() : null;
        String message = Stream.of(Optional.ofNullable(status.getDescription()), Optional.ofNullable(why))
                .flatMap(Optional::stream)
                .map(Object::toString)
                .collect(Collectors.joining(": "));
        return new TandemException(status.getCode(), message, told == null ? List.of() : told.getDetailsList(), cause);
    }

    /** The status code. {@link #getMessage} is what happened, for people. */
    public Status.Code getCode() {
        return code;
    }

    /** One of {@code ErrorReason} without its prefix, such as MAP_NOT_RUNNING; empty when the server was not reached. */
    public String getReason() {
        return reason;
    }

    /** What belongs to the reason; {@code ErrorReason} says under which names. */
    public Map<String, String> getMetadata() {
        return metadata;
    }

    /** Every malformed field, of INVALID_ARGUMENT. */
    public List<Violation> getViolations() {
        return violations;
    }

    /** The resource that is meant; null when there is none. */
    public Resource getResource() {
        return resource;
    }

    /** After how long it is worth trying again; null when the server does not say. */
    public Duration getRetryDelay() {
        return retryDelay;
    }

    /** Whether the same call may go through later: the server was not reached, is shutting down or has too much to do. */
    public boolean isTransient() {
        if (code == Status.Code.UNAVAILABLE || reason.equals("TOO_MANY_REQUESTS")) {
            return true;
        }
        // Codes that a transport gives a call when it breaks. With a reason the code is the server's own word.
        return reason.isEmpty()
                && (code == Status.Code.INTERNAL || code == Status.Code.UNKNOWN || code == Status.Code.CANCELLED);
    }

    @Override
    public String toString() {
        StringBuilder told = new StringBuilder(getClass().getName()).append(": ").append(code);
        if (!reason.isEmpty()) {
            told.append(" (").append(reason).append(')');
        }
        told.append(": ").append(getMessage());
        violations.forEach(each ->
                told.append("\n  ").append(each.field()).append(": ").append(each.description()));
        return told.toString();
    }
}
