package io.github.tandem_sync.tandem;

import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordResponse;
import io.github.tandem_sync.tandem.v1.WriteRecordsResponse;
import java.util.concurrent.CompletableFuture;

/** A change that a writer has taken, and who waits for what becomes of it. */
record Change(WriteRecordRequest request, CompletableFuture<WriteRecordResponse> answer) {
    void comeTo(WriteRecordsResponse said) {
        if (said.hasWritten()) {
            answer.complete(said.getWritten());
        } else {
            answer.completeExceptionally(TandemException.of(said.getStatus()));
        }
    }
}
