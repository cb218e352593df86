// What goes on beside the steps.

import type { Tail, Writer } from "@tandem-sync/client/web";
import type { WriteRecordResponse } from "@tandem-sync/client/v1";
import type { Message } from "@bufbuild/protobuf";
import type { Json, Step } from "./expectations.js";
import { asJson, request } from "./methods.js";

/** Changes that are being written. */
export class Batch {
  readonly taken: Promise<WriteRecordResponse>[] = [];
  readonly size: number;
  answered = 0;
  ended: unknown;

  constructor(writer: Writer, step: Step) {
    const [from, to] = [step["from"] ?? 1, step["to"] ?? 1];
    this.size = to - from + 1;
    this.#write(writer, JSON.stringify(step["write"]), from, to).catch((error: unknown) => (this.ended = error));
  }

  async #write(writer: Writer, change: string, from: number, to: number): Promise<void> {
    const count = () => (this.answered += 1);
    for (let number = from; number <= to; number++) {
      const json = JSON.parse(change.replaceAll("{n}", String(number)));
      const { answer } = await writer.write(request("SyncService/WriteRecord", json));
      this.taken.push(answer);
      answer.then(count, count);
    }
  }
}

/** A stream of events that is being read. */
export class Following {
  readonly events: Json[] = [];
  ended: unknown;

  constructor(tail: Tail<Message>) {
    this.#follow(tail).catch((error: unknown) => (this.ended = error));
  }

  async #follow(tail: Tail<Message>): Promise<void> {
    for await (const event of tail) this.events.push(asJson(event));
  }
}
