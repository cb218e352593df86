// Streams of events that go on after a break.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client as Stub } from "@connectrpc/connect";
import { Backoff, sleep } from "./backoff.js";
import { TandemError } from "./errors.js";
import type { ActivityEvent } from "./gen/tandem/v1/activity_pb.js";
import { WatchAlertEventsRequestSchema } from "./gen/tandem/v1/alerts_pb.js";
import type { AlertEvent, AlertService } from "./gen/tandem/v1/alerts_pb.js";
import { TailActivityRequestSchema } from "./gen/tandem/v1/table_maps_pb.js";
import type { TableMapService } from "./gen/tandem/v1/table_maps_pb.js";
import { taken } from "./messages.js";

export interface TailOptions {
  /** Ends the tail, as `close` does. */
  signal?: AbortSignal;
}

/**
 * Events as they happen, until `close`. After a break it goes on behind the last event that was given: nothing is lost,
 * nothing comes twice. An error that does not pass by itself is thrown: LOG_TRIMMED when retention was faster.
 *
 * To go on in another process, keep the number of the last event that was dealt with and begin with the next.
 */
export class Tail<Event> implements AsyncIterableIterator<Event, undefined, undefined> {
  readonly #closing = new AbortController();
  readonly #events: AsyncGenerator<Event, undefined, undefined>;

  /** `open` begins to follow, again behind the last answer. */
  constructor(open: Open<Event>, { signal }: TailOptions = {}) {
    this.#events = events(open, this.#closing.signal);
    if (signal?.aborted) this.close();
    signal?.addEventListener("abort", () => this.close(), { once: true, signal: this.#closing.signal });
  }

  async next(): Promise<IteratorResult<Event, undefined>> {
    try {
      return await this.#events.next();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What leaving a loop calls. */
  return(): Promise<IteratorResult<Event, undefined>> {
    this.close();
    return this.#events.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends it, whoever waits for the next event. */
  close(): void {
    this.#closing.abort();
  }
}

/** Follows once: the event of each answer, or undefined for one that has none. */
type Open<Event> = (signal: AbortSignal) => AsyncIterable<Event | undefined>;

async function* events<Event>(open: Open<Event>, signal: AbortSignal): AsyncGenerator<Event, undefined, undefined> {
  const backoff = new Backoff();
  while (!signal.aborted) {
    try {
      for await (const event of open(signal)) {
        backoff.reset();
        if (event !== undefined) yield event;
        if (signal.aborted) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TandemError && error.isTransient)) throw error;
    }
    await sleep(backoff.next(), signal);
  }
}

/** Follows the activity log of one map or of all. */
export function tailActivity(
  tableMaps: Stub<typeof TableMapService>,
  request: MessageInitShape<typeof TailActivityRequestSchema>,
  options?: TailOptions,
): Tail<ActivityEvent> {
  const asked = taken(TailActivityRequestSchema, request);
  const isOfAll = asked.parent === "tableMaps/-";
  return new Tail(async function* (signal) {
    for await (const { item } of tableMaps.tailActivity(asked, { signal })) {
      if (item.case === undefined) continue;
      // What comes next begins behind this one; a heartbeat is not handed on.
      const { sequence, position } = item.case === "event" ? item.value : latest(item.value);
      asked.start = isOfAll ? { case: "startPosition", value: position + 1n } : { case: "startSequence", value: sequence + 1n };
      yield item.case === "event" ? item.value : undefined;
    }
  }, options);
}

/** Follows the alert events. */
export function watchAlertEvents(
  alerts: Stub<typeof AlertService>,
  request: MessageInitShape<typeof WatchAlertEventsRequestSchema>,
  options?: TailOptions,
): Tail<AlertEvent> {
  const asked = taken(WatchAlertEventsRequestSchema, request);
  return new Tail(async function* (signal) {
    for await (const { item } of alerts.watchAlertEvents(asked, { signal })) {
      if (item.case === undefined) continue;
      const { sequence } = item.case === "alertEvent" ? item.value : latest(item.value);
      asked.start = { case: "startSequence", value: sequence + 1n };
      yield item.case === "alertEvent" ? item.value : undefined;
    }
  }, options);
}

function latest(heartbeat: { latestSequence: bigint; latestPosition: bigint }) {
  return { sequence: heartbeat.latestSequence, position: heartbeat.latestPosition };
}
