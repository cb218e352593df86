// What is expected, and whether it is found.

import { TandemError } from "@tandem-sync/client/web";

// Steps and messages are JSON that only the case knows.
export type Json = any;
export type Step = Record<string, Json>;

export const PATIENCE_MS = 60_000;
/** How long nothing more must happen where nothing more may. */
export const QUIET_MS = 500;

export class Failed extends Error {}

/** Whether what was found has everything that is expected; objects may have more. */
function fits(expected: Json, found: Json): boolean {
  if (Array.isArray(expected)) {
    return Array.isArray(found) && expected.length === found.length && expected.every((each, index) => fits(each, found[index]));
  }
  if (typeof expected === "object" && expected !== null) {
    const isObject = typeof found === "object" && found !== null && !Array.isArray(found);
    return isObject && Object.entries(expected).every(([key, each]) => key in found && fits(each, found[key]));
  }
  return expected === found;
}

export function expect(expected: Json, found: Json): void {
  if (!fits(expected, found)) throw new Failed(`expected ${JSON.stringify(expected)}\nfound    ${JSON.stringify(found)}`);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function until(isSo: () => boolean, what: () => string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Failed(`it did not come to it: ${what()}`);
    await sleep(20);
  }
}

export function errorAsJson(error: unknown): Json {
  if (!(error instanceof TandemError)) return { untyped: String(error) };
  return {
    code: error.code,
    reason: error.reason,
    metadata: error.metadata,
    fields: error.violations.map(({ field }) => field),
    resource: error.resource?.name ?? null,
    transient: error.isTransient,
    retryDelay: error.retryDelayMs !== undefined,
  };
}
