package io.github.tandem_sync.tandem;

import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordResponse;
import io.github.tandem_sync.tandem.v1.WriteRecordsResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/** What a writer has taken and is not answered, and who waits for it. */
final class Changes {
    private final int window;
    private final Duration patience;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    // In order: what went over the stream that is open now, and what is to follow.
    private final Deque<Change> sent = new ArrayDeque<>();
    private final Deque<Change> unsent = new ArrayDeque<>();
    // When the latest answer came, or the first change to wait for one.
    private volatile long heard = System.nanoTime();
    private volatile boolean closing;
    private TandemException failed;

    Changes(int window, Duration patience) {
        this.window = window;
        this.patience = patience;
    }

    CompletableFuture<WriteRecordResponse> add(WriteRecordRequest request) throws InterruptedException {
        lock.lock();
        try {
            while (sent.size() + unsent.size() >= window && failed == null && !closing) {
                changed.await();
            }
            if (failed != null) {
                throw failed;
            }
            if (closing) {
                throw new IllegalStateException("the writer is closed");
            }
            if (isAnswered()) {
                heard = System.nanoTime();
            }
            Change change = new Change(request, new CompletableFuture<>());
            unsent.add(change);
            changed.signalAll();
            return change.answer();
        } finally {
            lock.unlock();
        }
    }

    void awaitAnswers() throws InterruptedException {
        lock.lock();
        try {
            while (!isAnswered()) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    void close() {
        closing = true;
        wake();
    }

    /** Fails everything, what is under way and what would come. */
    void fail(TandemException error) {
        List<Change> left = new ArrayList<>();
        lock.lock();
        try {
            failed = error;
            left.addAll(sent);
            left.addAll(unsent);
            sent.clear();
            unsent.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        left.forEach(change -> change.answer().completeExceptionally(error));
    }

    /** Waits for a change to send. False: it is closed, and there is none. */
    boolean awaitWork() throws InterruptedException {
        lock.lock();
        try {
            while (unsent.isEmpty() && !closing) {
                changed.await();
            }
            return !unsent.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Whether something is left, which the next stream has to send: first what the one that has ended did not get answered. */
    boolean sendAgain() {
        lock.lock();
        try {
            while (!sent.isEmpty()) {
                unsent.addFirst(sent.removeLast());
            }
            return !unsent.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** Waits before the next stream, after what has ended the one before. */
    void pause(Duration wait, TandemException ended) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(patience == null ? wait.toNanos() : Math.min(wait.toNanos(), patienceLeft()));
        if (patience != null && patienceLeft() <= 0) {
            throw outOfPatience(ended);
        }
    }

    private TandemException outOfPatience(TandemException ended) {
        String message = "no answer came within " + patience.toMillis() + " ms" + (ended == null ? "" : ": " + ended.getMessage());
        return new TandemException(Status.Code.DEADLINE_EXCEEDED, message, List.of(), ended);
    }

    /**
     * Waits until a change can be sent, the stream {@code hasEnded}, or nothing more comes: then, once the stream
     * {@code hasAll}, until everything is answered. The change to send, or null.
     *
     * @throws TandemException when patience is at its end
     */
    WriteRecordRequest awaitNext(BooleanSupplier hasEnded, BooleanSupplier isReady, boolean hasAll)
            throws InterruptedException {
        lock.lock();
        try {
            while (true) {
                if (hasEnded.getAsBoolean()) {
                    return null;
                }
                if (!unsent.isEmpty() && isReady.getAsBoolean()) {
                    sent.add(unsent.remove());
                    return sent.getLast().request();
                }
                if (closing && unsent.isEmpty() && (!hasAll || sent.isEmpty())) {
                    return null;
                }
                if (patience == null || isAnswered()) {
                    changed.await();
                } else if (patienceLeft() > 0) {
                    changed.awaitNanos(patienceLeft());
                } else {
                    throw outOfPatience(null);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    void answered(WriteRecordsResponse answer) {
        Change change;
        lock.lock();
        try {
            change = sent.poll();
            heard = System.nanoTime();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (change != null) { // else it was given up meanwhile
            change.comeTo(answer);
        }
    }

    /** Something that is waited for may have come about. */
    void wake() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private boolean isAnswered() {
        return sent.isEmpty() && unsent.isEmpty();
    }

    private long patienceLeft() {
        return patience.toNanos() - (System.nanoTime() - heard);
    }
}
