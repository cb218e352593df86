package io.github.tandem_sync.tandem;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * Events as they happen, until {@link #close}. After a break it goes on behind the last event that was given: nothing is
 * lost, nothing comes twice. An error that does not pass by itself is thrown, as a {@link TandemException}: LOG_TRIMMED when
 * retention was faster. An interrupt ends it with CANCELLED.
 *
 * <p>To go on in another process, keep the number of the last event that was dealt with and begin with the next.
 *
 * <p>One thread goes through it; any may close it.
 */
public final class Tail<T> implements Iterator<T>, Iterable<T>, AutoCloseable {
    private final Function<Message, Iterator<? extends Message>> method;
    private final String number;
    private final BooleanSupplier gone;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Backoff backoff = new Backoff();
    private Message request;
    private Iterator<? extends Message> answers;
    private T next;
    // The call of now; cancelling the context cancels it.
    private volatile Context.CancellableContext call;

    /** {@code number} is what events are counted by, and {@code gone} whether the client is closed. */
    @SuppressWarnings("unchecked") // the request stays of the type that was given
    <Q extends Message> Tail(
            Function<Q, ? extends Iterator<? extends Message>> method, Q request, String number, BooleanSupplier gone) {
        this.method = asked -> method.apply((Q) asked);
        this.request = request;
        this.number = number;
        this.gone = gone;
    }

    /** Waits for the next event. False when it was closed. */
    @Override
    public boolean hasNext() {
        while (next == null && !isClosed()) {
            Message answer = null;
            try {
                answer = answer();
            } catch (StatusRuntimeException error) {
                goOnAfter(TandemException.of(error));
            }
            if (answer == null) {
                pause();
            } else {
                backoff.reset();
                take(answer);
            }
        }
        return next != null;
    }

    @Override
    public T next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        T event = next;
        next = null;
        return event;
    }

    /** Itself, so that a loop can go through it. */
    @Override
    public Iterator<T> iterator() {
        return this;
    }

    /** Ends it, from any thread. */
    @Override
    public void close() {
        closed.countDown();
        Context.CancellableContext open = call;
        if (open != null) {
            open.cancel(null);
        }
    }

    private boolean isClosed() {
        return closed.getCount() == 0;
    }

    /** The next answer; null when the stream has ended. */
    private Message answer() {
        if (answers == null) {
            // It lives longer than the call in which someone may have begun it.
            call = Context.current().fork().withCancellation();
            if (isClosed()) {
                call.cancel(null);
            }
            Context before = call.attach();
            try {
                answers = method.apply(request);
            } finally {
                call.detach(before);
            }
        }
        return answers.hasNext() ? answers.next() : null;
    }

    /** Throws the error unless it passes by itself. */
    private void goOnAfter(TandemException error) {
        boolean ends = !error.isTransient() || gone.getAsBoolean() || Thread.currentThread().isInterrupted();
        if (ends && !isClosed()) {
            close();
            throw error;
        }
    }

    private void pause() {
        answers = null;
        call.cancel(null);
        try {
            if (closed.await(backoff.next().toNanos(), TimeUnit.NANOSECONDS)) {
                return;
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            close();
            throw new TandemException(Status.Code.CANCELLED, "interrupted");
        }
    }

    /** Keeps the event, if it is one; the next call begins behind it. */
    @SuppressWarnings("unchecked") // whoever made the tail knows what the method tells
    private void take(Message answer) {
        Descriptor type = answer.getDescriptorForType();
        FieldDescriptor kind = answer.getOneofFieldDescriptor(type.getOneofs().get(0));
        if (kind == null) {
            return; // something new, of a newer server
        }
        Message item = (Message) answer.getField(kind);
        boolean isEvent = !kind.getName().equals("heartbeat");
        FieldDescriptor counted = item.getDescriptorForType().findFieldByName(isEvent ? number : "latest_" + number);
        FieldDescriptor start = request.getDescriptorForType().findFieldByName("start_" + number);
        request = request.toBuilder().setField(start, (long) item.getField(counted) + 1).build();
        if (isEvent) {
            next = (T) item;
        }
    }
}
