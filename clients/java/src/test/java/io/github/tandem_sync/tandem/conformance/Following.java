package io.github.tandem_sync.tandem.conformance;

import com.google.gson.JsonElement;
import com.google.protobuf.Message;
import io.github.tandem_sync.tandem.Tail;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A stream of events that a thread reads. */
final class Following {
    final List<JsonElement> events = new CopyOnWriteArrayList<>();
    volatile Throwable ended;

    Following(Tail<? extends Message> tail) {
        Conformance.inBackground(() -> {
            try {
                for (Message event : tail) {
                    events.add(Json.of(event));
                }
            } catch (RuntimeException error) {
                ended = error;
            }
        });
    }
}
