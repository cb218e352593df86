package io.github.tandem_sync.tandem.examples;

import io.github.tandem_sync.tandem.Tail;
import io.github.tandem_sync.tandem.TandemClient;
import io.github.tandem_sync.tandem.v1.ActivityEvent;
import io.github.tandem_sync.tandem.v1.TailActivityRequest;
import java.time.Instant;

/** Follows the activity log of all maps: ends after as many events as the argument says, or with Ctrl-C. */
public final class Follow {
    private Follow() {}

    public static void main(String[] arguments) {
        long left = arguments.length > 0 ? Long.parseLong(arguments[0]) : Long.MAX_VALUE;
        TailActivityRequest request = TailActivityRequest.newBuilder()
                .setParent("tableMaps/-")
                .setStartPosition(0)
                .build();
        try (TandemClient client = TandemClient.connect();
                Tail<ActivityEvent> tail = client.tailActivity(request)) {
            while (left-- > 0 && tail.hasNext()) {
                ActivityEvent event = tail.next();
                Instant time = Instant.ofEpochSecond(event.getTime().getSeconds());
                System.out.println(time + " " + event.getTableMap() + " " + event.getSummary());
            }
        }
    }
}
