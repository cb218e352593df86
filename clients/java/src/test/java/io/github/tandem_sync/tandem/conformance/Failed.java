package io.github.tandem_sync.tandem.conformance;

/** A step did not go as said. */
final class Failed extends RuntimeException {
    Failed(String what) {
        super(what);
    }
}
