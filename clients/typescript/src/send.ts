// How a writer's changes get to the server.

import type { Client as Stub } from "@connectrpc/connect";
import { TandemError } from "./errors.js";
import type { SyncService, WriteRecordRequest, WriteRecordResponse } from "./gen/tandem/v1/sync_pb.js";

/** What became of each change, in order. It throws what concerns all of them. */
export type Send = (
  changes: AsyncIterable<WriteRecordRequest>,
  signal: AbortSignal,
) => AsyncIterable<WriteRecordResponse | TandemError>;

/** Ahead of the answers, over one stream. */
export function overStream(sync: Stub<typeof SyncService>): Send {
  return async function* (changes, signal) {
    for await (const { result } of sync.writeRecords(requests(changes), { signal })) {
      if (result.case === "written") yield result.value;
      else if (result.case === "status") yield TandemError.ofStatus(result.value);
      else yield new TandemError("UNKNOWN", "the answer does not say what became of the change");
    }
  };
}

async function* requests(changes: AsyncIterable<WriteRecordRequest>) {
  for await (const change of changes) yield { change };
}

/** One after another: a browser has no streams to a server, and calls side by side would overtake each other. */
export function oneByOne(sync: Stub<typeof SyncService>): Send {
  return async function* (changes, signal) {
    for await (const change of changes) yield await sync.writeRecord(change, { signal }).catch(ofChange);
  };
}

/** The error, if it is of this change and says nothing about others. */
function ofChange(error: unknown): TandemError {
  if (!(error instanceof TandemError) || !error.reason || error.code === "UNAUTHENTICATED") throw error;
  if (error.reason === "SHUTTING_DOWN" || error.reason === "TOO_MANY_REQUESTS") throw error;
  return error;
}
