// A case of clients/conformance, played with a client. What steps mean is said there.

import { TandemError, WINDOW, pages } from "@tandem-sync/client/web";
import type { Client, Writer } from "@tandem-sync/client/web";
import { Batch, Following } from "./background.js";
import { Failed, PATIENCE_MS, QUIET_MS, errorAsJson, expect, sleep, until } from "./expectations.js";
import type { Json, Step } from "./expectations.js";
import { answerAsJson, asJson, method, request } from "./methods.js";

/** Where a case is played: in Node, or in a page. */
export interface Stage {
  /** The environment's client, with what a step gives instead: null is none, `$NAME` that variable's value. */
  connect(given?: Step): Client;
  /** Lets the stage do what a client cannot; what it found. */
  ask(step: Step): Promise<Json>;
}

const KINDS = ["connect", "call", "list", "write", "taken", "answered", "written", "close", "follow", "told", "ended"] as const;

class Case {
  readonly #stage: Stage;
  #client: Client;
  readonly #writers = new Map<string, Writer>();
  readonly #batches = new Map<string, Batch>();
  readonly #followed = new Map<string, Following>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#client = stage.connect();
  }

  async play(step: Step): Promise<void> {
    const kind = KINDS.find((kind) => kind in step);
    if (kind) return this[kind](step);
    const found = await this.#stage.ask(step);
    if ("answer" in step) expect(step["answer"], found);
  }

  async connect(step: Step): Promise<void> {
    this.#client = this.#stage.connect(step["connect"]);
  }

  async call(step: Step): Promise<void> {
    const deadline = Date.now() + (step["eventually"] ? PATIENCE_MS : 0);
    for (;;) {
      try {
        return await this.#callOnce(step);
      } catch (error) {
        if (!(error instanceof Failed) || Date.now() > deadline) throw error;
      }
      await sleep(20);
    }
  }

  async #callOnce(step: Step): Promise<void> {
    let answer: Json;
    try {
      const message = await method(this.#client, step["call"])(request(step["call"], step["request"]));
      answer = answerAsJson(step["call"], message);
    } catch (error) {
      if (!(error instanceof TandemError) || !("error" in step)) throw error;
      return expect(step["error"], errorAsJson(error));
    }
    if ("error" in step) throw new Failed(`it went well, with ${JSON.stringify(answer)}`);
    expect(step["answer"] ?? {}, answer);
  }

  async list(step: Step): Promise<void> {
    const items: Json[] = [];
    for await (const item of pages(method(this.#client, step["list"]), request(step["list"], step["request"]))) {
      items.push(asJson(item));
    }
    expect(step["answer"], items);
  }

  async write(step: Step): Promise<void> {
    const name = step["writer"] ?? "writer";
    const writer = this.#writers.get(name) ?? this.#writer(step);
    this.#writers.set(name, writer);
    this.#batches.set(step["as"], new Batch(writer, step));
  }

  #writer(step: Step): Writer {
    return this.#client.writer({ window: step["window"] ?? WINDOW, patienceMs: step["patience_ms"] ?? Infinity });
  }

  async taken(step: Step): Promise<void> {
    const batch = this.#batches.get(step["taken"])!;
    await until(() => batch.taken.length >= step["count"], () => `${batch.taken.length} were taken`);
    await sleep(QUIET_MS);
    expect(step["count"], batch.taken.length);
  }

  async answered(step: Step): Promise<void> {
    const batch = this.#batches.get(step["answered"])!;
    await until(() => batch.answered >= step["count"], () => `of ${batch.taken.length} changes, ${batch.answered} are answered`);
  }

  async written(step: Step): Promise<void> {
    const batch = this.#batches.get(step["written"])!;
    const isTaken = () => batch.taken.length === batch.size || batch.ended !== undefined;
    await until(isTaken, () => `${batch.taken.length} were taken`);
    if (batch.ended && !("error" in step)) throw batch.ended;
    await until(() => batch.answered === batch.taken.length, () => `${batch.answered} are answered`);
    for (const taken of await Promise.allSettled(batch.taken)) {
      if ("error" in step) expect(step["error"], errorAsJson(taken.status === "rejected" ? taken.reason : undefined));
      else if (taken.status === "rejected") throw taken.reason;
      else expect(step["answer"], asJson(taken.value));
    }
  }

  async close(step: Step): Promise<void> {
    await this.#writers.get(step["close"])!.close();
    this.#writers.delete(step["close"]);
  }

  async follow(step: Step): Promise<void> {
    const asked = request(step["follow"], step["request"]);
    const isOfLog = step["follow"].endsWith("/TailActivity");
    const tail = isOfLog ? this.#client.tailActivity(asked) : this.#client.watchAlertEvents(asked);
    this.#followed.set(step["as"], new Following(tail));
  }

  async told(step: Step): Promise<void> {
    const followed = this.#followed.get(step["told"])!;
    const isTold = () => followed.events.length >= step["count"] || followed.ended !== undefined;
    await until(isTold, () => `${followed.events.length} events were told`);
    if (followed.ended) throw followed.ended;
    if (step["exactly"]) {
      await sleep(QUIET_MS);
      expect(step["count"], followed.events.length);
    }
    if ("answer" in step) expect(step["answer"], followed.events.slice(0, step["count"]));
    if ("sequence" in step) {
      const numbers = followed.events.map((event) => event["sequence"]);
      expect(numbers.map((_, index) => String(step["sequence"] + index)), numbers);
    }
  }

  async ended(step: Step): Promise<void> {
    const followed = this.#followed.get(step["ended"])!;
    await until(() => followed.ended !== undefined, () => "it goes on");
    expect(step["error"], errorAsJson(followed.ended));
  }
}

/** Plays all steps: what went wrong, when one did. */
export async function play(steps: Step[], stage: Stage): Promise<string | undefined> {
  const playing = new Case(stage);
  for (const [index, step] of steps.entries()) {
    try {
      await playing.play(step);
    } catch (error) {
      const told = error instanceof Error ? `${error.stack}` : `${error}`;
      return `step ${index + 1}, ${JSON.stringify(step).slice(0, 300)}\n${told}`;
    }
  }
  return undefined;
}
