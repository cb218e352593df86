package io.github.tandem_sync.tandem;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long to wait before the next try. */
final class Backoff {
    private static final Duration FIRST = Duration.ofMillis(100);
    private static final Duration MAX = Duration.ofSeconds(5);

    private Duration next = FIRST;

    void reset() {
        next = FIRST;
    }

    /** Twice as long each time; not the same for all who wait, so that they do not come back together. */
    Duration next() {
        long nanos = next.toNanos();
        next = next.compareTo(MAX.dividedBy(2)) < 0 ? next.multipliedBy(2) : MAX;
        return Duration.ofNanos(ThreadLocalRandom.current().nextLong(nanos / 2, nanos));
    }
}
