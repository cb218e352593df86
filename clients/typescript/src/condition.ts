// Waiting for something to become so.

export class Condition {
  #waiting: (() => void)[] = [];

  /** Waits until it is so; looked at now and after every `notify`. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
