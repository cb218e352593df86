// Clients of the environment: over gRPC, or with TANDEM_TRANSPORT=web as a browser has them.

import * as node from "@tandem-sync/client";
import * as web from "@tandem-sync/client/web";
import type { Step } from "./expectations.js";

const isWeb = process.env["TANDEM_TRANSPORT"] === "web";

export function connect(): node.Client {
  return isWeb ? web.connect({ server: process.env["TANDEM_SERVER"]! }) : node.connect();
}

/** With what a step gives instead; null is none, `$NAME` that variable's value. */
export function connectAs(step: Step): node.Client {
  const given: Record<string, string | undefined> = {
    server: process.env["TANDEM_SERVER"],
    token: process.env["TANDEM_TOKEN"],
    caFile: process.env["TANDEM_CA_FILE"],
  };
  for (const [name, value] of Object.entries(step) as [string, string | null][]) {
    given[name] = value?.startsWith("$") ? process.env[value.slice(1)] : (value ?? undefined);
  }
  if (isWeb) return web.connect({ server: given["server"]!, token: given["token"] });
  return node.connect({ ...given, environment: false });
}
