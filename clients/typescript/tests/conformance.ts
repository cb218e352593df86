// Plays a case in Node, over gRPC: `node conformance.js CASE.json`.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { connect } from "@tandem-sync/client";
import { play } from "./case.js";
import type { Stage } from "./case.js";
import type { Step } from "./expectations.js";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const stage: Stage = {
  connect(step) {
    if (!step) return connect();
    const given: Record<string, string | undefined> = {
      server: process.env["TANDEM_SERVER"],
      token: process.env["TANDEM_TOKEN"],
      caFile: process.env["TANDEM_CA_FILE"],
    };
    for (const [name, value] of Object.entries(step) as [string, string | null][]) {
      given[name] = value?.startsWith("$") ? process.env[value.slice(1)] : (value ?? undefined);
    }
    return connect({ ...given, environment: false });
  },
  async ask(step) {
    console.log(JSON.stringify(step));
    const { value: line } = await lines.next();
    return JSON.parse(line).answer;
  },
};

const steps: Step[] = JSON.parse(readFileSync(process.argv[2]!, "utf8")).steps;
const failed = await play(steps, stage);
if (failed) console.error(failed);
process.exit(failed ? 1 : 0);
