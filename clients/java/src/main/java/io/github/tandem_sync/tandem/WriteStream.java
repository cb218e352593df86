package io.github.tandem_sync.tandem;

import io.github.tandem_sync.tandem.v1.SyncServiceGrpc.SyncServiceStub;
import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordsRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordsResponse;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;

/** One stream of a writer. The writer's thread sends, as flow control allows; answers come in grpc's. */
final class WriteStream implements ClientResponseObserver<WriteRecordsRequest, WriteRecordsResponse> {
    private final Changes changes;
    private ClientCallStreamObserver<WriteRecordsRequest> requests;
    private volatile boolean answered;
    private volatile TandemException ended;

    WriteStream(Changes changes) {
        this.changes = changes;
    }

    /**
     * Sends until the stream ends, or everything is answered and nothing more comes; why it ended.
     *
     * @throws TandemException when patience is at its end
     */
    TandemException play(SyncServiceStub sync) throws InterruptedException {
        boolean hasAll = false;
        sync.writeRecords(this);
        try {
            while (true) {
                WriteRecordRequest change = changes.awaitNext(() -> ended != null, requests::isReady, hasAll);
                if (change != null) {
                    requests.onNext(WriteRecordsRequest.newBuilder().setChange(change).build());
                } else if (ended != null) {
                    return ended;
                } else if (hasAll) {
                    return new TandemException(Status.Code.OK, "everything is answered");
                } else {
                    hasAll = true;
                    requests.onCompleted();
                }
            }
        } catch (InterruptedException | RuntimeException given) {
            requests.cancel("the writer has given up", given);
            throw given;
        }
    }

    /** Whether the server was there. */
    boolean wasAnswered() {
        return answered;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<WriteRecordsRequest> stream) {
        requests = stream;
        stream.setOnReadyHandler(changes::wake);
    }

    @Override
    public void onNext(WriteRecordsResponse answer) {
        answered = true;
        changes.answered(answer);
    }

    @Override
    public void onError(Throwable error) {
        ended = TandemException.of(error);
        changes.wake();
    }

    @Override
    public void onCompleted() {
        ended = new TandemException(Status.Code.UNAVAILABLE, "the stream ended before everything was answered");
        changes.wake();
    }
}
