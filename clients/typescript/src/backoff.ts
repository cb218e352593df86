// How long to wait before the next try.

const FIRST_MS = 100;
const MS_MAX = 5_000;

export class Backoff {
  #ms = FIRST_MS;

  reset(): void {
    this.#ms = FIRST_MS;
  }

  /** Milliseconds, twice as many each time; not the same for all who wait, so that they do not come back together. */
  next(): number {
    const ms = this.#ms;
    this.#ms = Math.min(ms * 2, MS_MAX);
    return ms * (0.5 + Math.random() / 2);
  }
}

/** Waits, but no longer than until the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
