// Many changes, sent ahead of their answers.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { Backoff, sleep } from "./backoff.js";
import { Condition } from "./condition.js";
import { TandemError } from "./errors.js";
import { WriteRecordRequestSchema } from "./gen/tandem/v1/sync_pb.js";
import type { WriteRecordRequest, WriteRecordResponse } from "./gen/tandem/v1/sync_pb.js";
import { taken, uuid } from "./messages.js";
import type { Send } from "./send.js";

/** How many changes are under way at most, unless it is said otherwise. */
export const WINDOW = 256;

export interface WriterOptions {
  window?: number;
  /** For how long a writer waits for an answer before it gives up. Without, it waits for the server. */
  patienceMs?: number;
}

/** A change that was taken. */
export interface Written {
  changeId: string;
  /** What became of it; it rejects with a `TandemError`, which does not hold up the changes after it. */
  answer: Promise<WriteRecordResponse>;
}

interface Change {
  request: WriteRecordRequest;
  written: Written;
  taken: (written: Written) => void;
  refused: (error: unknown) => void;
  resolve: (answer: WriteRecordResponse) => void;
  reject: (error: unknown) => void;
}

/**
 * Sends changes ahead of their answers, in the order in which they are given.
 *
 * At most `window` changes are under way: then `write` waits. After a break what was not answered is sent again under the
 * same ids, so that nothing is lost and nothing is written twice.
 */
export class Writer {
  readonly #send: Send;
  readonly #window: number;
  readonly #patienceMs: number;
  readonly #changed = new Condition();
  /** What waits for room, and what has it and is not answered; of the latter, how much went over the open stream. */
  #waiting: Change[] = [];
  #underWay: Change[] = [];
  #sent = 0;
  #stream = 0;
  /** Since when the next answer is waited for. */
  #heard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #cut = () => {};
  #closing = false;
  #failed: TandemError | undefined;
  readonly #running: Promise<void>;

  constructor(send: Send, { window = WINDOW, patienceMs = Infinity }: WriterOptions = {}) {
    if (!(window >= 1)) throw new RangeError("a window has room for one change at least");
    this.#send = send;
    this.#window = window;
    this.#patienceMs = patienceMs;
    this.#running = this.#run();
  }

  /** Takes a change, as soon as there is room in the window. A change without a `changeId` gets one. */
  async write(change: MessageInitShape<typeof WriteRecordRequestSchema>): Promise<Written> {
    const request = taken(WriteRecordRequestSchema, change);
    request.changeId ||= uuid();
    if (this.#failed) throw this.#failed;
    if (this.#closing) throw new Error("the writer is closed");
    return new Promise((taken, refused) => {
      const answered = {} as Pick<Change, "resolve" | "reject">;
      const answer = new Promise<WriteRecordResponse>((resolve, reject) => Object.assign(answered, { resolve, reject }));
      // Whoever does not look at an answer, or not yet, is not to be ended by it.
      answer.catch(() => {});
      this.#waiting.push({ request, written: { changeId: request.changeId, answer }, taken, refused, ...answered });
      this.#admit();
    });
  }

  /** Waits until everything that was given is answered. */
  async flush(): Promise<void> {
    await this.#changed.until(() => this.#underWay.length === 0);
  }

  /** Takes nothing more, and waits until everything that was given is answered. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#changed.notify();
    await this.#running;
  }

  #admit(): void {
    if (this.#underWay.length === 0) this.#listen();
    while (this.#waiting.length > 0 && this.#underWay.length < this.#window) {
      const change = this.#waiting.shift()!;
      this.#underWay.push(change);
      change.taken(change.written);
    }
    this.#changed.notify();
  }

  async #run(): Promise<void> {
    const backoff = new Backoff();
    while (await this.#hasWork()) {
      const stop = new AbortController();
      this.#cut = () => stop.abort();
      this.#arm();
      let error = new TandemError("UNAVAILABLE", "the stream ended before everything was answered");
      try {
        for await (const answer of this.#send(this.#requests(), stop.signal)) {
          this.#answered(answer);
          backoff.reset();
        }
      } catch (broken) {
        error = TandemError.ofCall(broken);
      }
      if (stop.signal.aborted) error = new TandemError("DEADLINE_EXCEEDED", `no answer came within ${this.#patienceMs} ms`);
      stop.abort();
      if (this.#underWay.length === 0) continue;
      const left = this.#left();
      if (left <= 0 || !error.isTransient) return this.#fail(error);
      await sleep(Math.min(backoff.next(), left));
    }
    clearTimeout(this.#timer);
  }

  async #hasWork(): Promise<boolean> {
    await this.#changed.until(() => this.#underWay.length > 0 || this.#closing);
    return this.#underWay.length > 0;
  }

  /** What a stream sends: first what an earlier one left unanswered. */
  #requests(): AsyncGenerator<WriteRecordRequest> {
    this.#sent = 0;
    this.#stream += 1;
    this.#changed.notify();
    return this.#requestsOf(this.#stream);
  }

  async *#requestsOf(stream: number): AsyncGenerator<WriteRecordRequest> {
    const isOver = () => stream !== this.#stream || this.#failed !== undefined;
    const hasNext = () => this.#sent < this.#underWay.length;
    const isLast = () => this.#closing && this.#waiting.length === 0;
    for (;;) {
      await this.#changed.until(() => isOver() || hasNext() || isLast());
      if (isOver() || !hasNext()) return;
      yield this.#underWay[this.#sent++]!.request;
    }
  }

  #answered(answer: WriteRecordResponse | TandemError): void {
    const change = this.#underWay.shift();
    if (!change) throw new TandemError("UNKNOWN", "an answer came that nobody waited for");
    this.#sent -= 1;
    if (answer instanceof TandemError) change.reject(answer);
    else change.resolve(answer);
    this.#listen();
    this.#admit();
  }

  #fail(error: TandemError): void {
    this.#failed = error;
    const left = [...this.#underWay, ...this.#waiting];
    this.#underWay = [];
    this.#waiting = [];
    for (const change of left) {
      change.reject(error);
      change.refused(error);
    }
    clearTimeout(this.#timer);
    this.#changed.notify();
  }

  /** From now on the next answer is waited for. */
  #listen(): void {
    this.#heard = Date.now();
    this.#arm();
  }

  #left(): number {
    return this.#heard + this.#patienceMs - Date.now();
  }

  /** Cuts the stream when patience is over. */
  #arm(): void {
    if (this.#patienceMs === Infinity) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#underWay.length > 0 && this.#cut(), this.#left());
  }
}
