package io.github.tandem_sync.tandem.conformance;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.tandem_sync.tandem.Writer;
import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/** Changes that a thread writes. */
final class Batch {
    final List<CompletableFuture<WriteRecordResponse>> futures = new CopyOnWriteArrayList<>();
    final int size;
    volatile Throwable ended;

    Batch(Writer writer, JsonObject step) {
        int first = number(step, "from");
        int last = number(step, "to");
        size = last - first + 1;
        Conformance.inBackground(() -> {
            try {
                for (int number = first; number <= last; number++) {
                    futures.add(writer.write(change(step.get("write"), number)));
                }
            } catch (Exception error) {
                ended = error;
            }
        });
    }

    private static int number(JsonObject step, String name) {
        return step.has(name) ? step.get(name).getAsInt() : 1;
    }

    private static WriteRecordRequest change(JsonElement change, int number) {
        JsonElement json = JsonParser.parseString(change.toString().replace("{n}", String.valueOf(number)));
        return Json.message(WriteRecordRequest.getDefaultInstance(), json);
    }

    int done() {
        return (int) futures.stream().filter(CompletableFuture::isDone).count();
    }
}
