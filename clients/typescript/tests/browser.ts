// Plays a case in a page, over gRPC-Web. Whoever serves the page sets the stage, and is told how it ended.

import { connect } from "@tandem-sync/client/web";
import { play } from "./case.js";
import type { Json, Step } from "./expectations.js";

async function post(path: string, body: string): Promise<string> {
  return (await fetch(path, { method: "POST", body })).text();
}

const { steps, environment }: { steps: Step[]; environment: Record<string, string> } = JSON.parse(await post("/case", ""));

const failed = await play(steps, {
  connect: (step) => connect({ server: environment["TANDEM_SERVER"]!, token: step?.["token"] ?? undefined }),
  ask: async (asked): Promise<Json> => JSON.parse(await post("/stage", JSON.stringify(asked))).answer,
});
await post("/end", failed ?? "");
