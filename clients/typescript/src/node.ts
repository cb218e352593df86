// Connecting from Node.

import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";
import { readFileSync } from "node:fs";
import * as tls from "node:tls";
import { interceptors } from "./calls.js";
import { Client } from "./client.js";
import { overStream } from "./send.js";

const DEFAULT_SERVER = "http://127.0.0.1:7070";
/** A connection that carries calls and is silent for so long is asked whether the other end is still there. */
const PING_INTERVAL_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;

export interface ConnectOptions {
  /** `http://HOST:PORT`, or `https://` where the server has TLS. */
  server?: string | undefined;
  token?: string | undefined;
  /** The authority of the server's certificate; without it those that the system trusts. */
  caFile?: string | undefined;
  /** A certificate to show, and its key. */
  certFile?: string | undefined;
  keyFile?: string | undefined;
  pingIntervalMs?: number;
  /** Whether what is not given is taken from the environment; true unless it is said otherwise. */
  environment?: boolean;
}

/**
 * Prepares a connection; it comes about with the first call, and again after a break.
 *
 * What is not given is taken from the environment: TANDEM_SERVER, TANDEM_TOKEN or TANDEM_TOKEN_FILE, TANDEM_CA_FILE,
 * TANDEM_CERT_FILE with TANDEM_KEY_FILE.
 */
export function connect(options: ConnectOptions = {}): Client {
  const { environment = true, pingIntervalMs = PING_INTERVAL_MS } = options;
  const given = (value: string | undefined, variable: string) =>
    value ?? (environment ? process.env[variable] || undefined : undefined);
  const server = given(options.server, "TANDEM_SERVER") ?? DEFAULT_SERVER;
  const tokenFile = options.token === undefined ? given(undefined, "TANDEM_TOKEN_FILE") : undefined;
  const token = read(tokenFile)?.trim() ?? given(options.token, "TANDEM_TOKEN");
  const ca = read(given(options.caFile, "TANDEM_CA_FILE")) ?? trustedBySystem();
  const cert = read(given(options.certFile, "TANDEM_CERT_FILE"));
  const key = read(given(options.keyFile, "TANDEM_KEY_FILE"));
  if (!URL.canParse(server) || !["http:", "https:"].includes(new URL(server).protocol)) {
    throw new TypeError(`${JSON.stringify(server)} is no URL of a server: http://HOST:PORT or https://HOST:PORT`);
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError("a certificate needs its key, and a key its certificate");
  }
  const shown = cert === undefined ? {} : { cert, key };
  const sessionManager = new Http2SessionManager(
    server,
    { pingIntervalMs, pingTimeoutMs: PING_TIMEOUT_MS },
    { ...(ca && { ca }), ...shown },
  );
  const transport = createGrpcTransport({ baseUrl: server, sessionManager, interceptors: interceptors(token) });
  return new Client(transport, overStream, () => sessionManager.abort());
}

function read(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, "utf8");
}

/** From Node 22.15 on; older ones have only the list that came with them, which is what undefined means. */
function trustedBySystem(): string[] | undefined {
  const { getCACertificates } = tls as { getCACertificates?: (type: "default" | "system") => string[] };
  return getCACertificates && [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
}
