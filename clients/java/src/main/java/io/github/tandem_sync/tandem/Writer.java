package io.github.tandem_sync.tandem;

import io.github.tandem_sync.tandem.v1.SyncServiceGrpc.SyncServiceStub;
import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/**
 * Sends changes ahead of their answers, in the order in which they are given. It may be used by many threads.
 *
 * <p>At most {@code window} changes are under way: then {@link #write} waits. After a break what was not answered is sent
 * again under the same ids, so that nothing is lost and nothing is written twice. With a {@code patience} it gives up, with
 * DEADLINE_EXCEEDED, when no answer has come for so long; without, it waits for the server.
 *
 * <pre>{@code
 * try (Writer writer = client.writer()) {
 *     for (WriteRecordRequest change : changes) {
 *         answers.add(writer.write(change));
 *     }
 * }
 * }</pre>
 *
 * <p>An error of the stream that does not pass, such as a bad token, fails what is under way and everything after it.
 */
public final class Writer implements AutoCloseable {
    /** How many changes are under way at most, unless it is said otherwise. */
    public static final int WINDOW = 256;

    private final SyncServiceStub sync;
    private final Changes changes;
    private final BooleanSupplier gone;
    private final Thread thread;

    Writer(SyncServiceStub sync, int window, Duration patience, BooleanSupplier gone) {
        if (window < 1) {
            throw new IllegalArgumentException("a window has room for one change at least");
        }
        this.sync = sync;
        this.gone = gone;
        changes = new Changes(window, patience);
        thread = new Thread(this::run, "tandem-writer");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Takes a change, as soon as there is room in the window. A change without a {@code change_id} gets one. The future
     * comes to what became of the change, or to a {@link TandemException}, which does not hold up the changes after it.
     *
     * <p>What depends on the future runs in a thread of the connection and must not wait: neither write nor close.
     *
     * @throws TandemException when the writer has failed
     * @throws IllegalStateException when it is closed
     */
    public CompletableFuture<WriteRecordResponse> write(WriteRecordRequest change) throws InterruptedException {
        return changes.add(Calls.named(change));
    }

    /** Waits until everything that was given is answered. */
    public void flush() throws InterruptedException {
        changes.awaitAnswers();
    }

    /**
     * Takes nothing more, and waits until everything that was given is answered. An interrupt fails what is not answered
     * with CANCELLED.
     */
    @Override
    public void close() {
        changes.close();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException interrupt) {
                interrupted = true;
                thread.interrupt();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            Backoff backoff = new Backoff();
            while (changes.awaitWork()) {
                WriteStream stream = new WriteStream(changes);
                TandemException error = stream.play(sync);
                if (!changes.sendAgain()) {
                    continue;
                }
                if (stream.wasAnswered()) {
                    backoff.reset();
                }
                if (!error.isTransient() || gone.getAsBoolean()) {
                    throw error;
                }
                changes.pause(backoff.next(), error);
            }
        } catch (TandemException error) {
            changes.fail(error);
        } catch (InterruptedException interrupt) {
            changes.fail(new TandemException(Status.Code.CANCELLED, "the writer was interrupted"));
        } catch (RuntimeException | Error fault) {
            // Nobody waits for ever.
            changes.fail(new TandemException(Status.Code.INTERNAL, fault.toString(), List.of(), fault));
            throw fault;
        }
    }
}
