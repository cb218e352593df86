// Plays a case of clients/conformance: `node conformance.js CASE.json`. What steps mean is said there.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { TandemError, WINDOW, pages } from "@tandem-sync/client";
import type { Client, Writer } from "@tandem-sync/client";
import { Batch, Following } from "./background.js";
import { connect, connectAs } from "./connections.js";
import { Failed, PATIENCE_MS, QUIET_MS, errorAsJson, expect, sleep, until } from "./expectations.js";
import type { Json, Step } from "./expectations.js";
import { answerAsJson, asJson, method, request } from "./methods.js";

const KINDS = ["connect", "call", "list", "write", "taken", "answered", "written", "close", "follow", "told", "ended"] as const;

class Case {
  #client: Client = connect();
  readonly #writers = new Map<string, Writer>();
  readonly #batches = new Map<string, Batch>();
  readonly #followed = new Map<string, Following>();
  readonly #lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

  async play(step: Step): Promise<void> {
    const kind = KINDS.find((kind) => kind in step);
    if (kind) return this[kind](step);
    console.log(JSON.stringify(step));
    const { value: line } = await this.#lines.next();
    if ("answer" in step) expect(step["answer"], JSON.parse(line).answer);
  }

  async connect(step: Step): Promise<void> {
    this.#client = connectAs(step["connect"]);
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
    const writer = this.#writers.get(name) ?? this.#client.writer({ window: step["window"] ?? WINDOW, patienceMs: step["patience_ms"] ?? Infinity });
    this.#writers.set(name, writer);
    this.#batches.set(step["as"], new Batch(writer, step));
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

async function main(): Promise<number> {
  const steps: Step[] = JSON.parse(readFileSync(process.argv[2]!, "utf8")).steps;
  const playing = new Case();
  for (const [index, step] of steps.entries()) {
    try {
      await playing.play(step);
    } catch (error) {
      console.error(`step ${index + 1}, ${JSON.stringify(step).slice(0, 300)}`, error);
      return 1;
    }
  }
  return 0;
}

process.exit(await main());
