// The client for browsers: gRPC-Web, which fetch can carry. Nothing here is of Node.

import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { interceptors } from "./calls.js";
import { Client } from "./client.js";
import { oneByOne } from "./send.js";

export * from "./exports.js";

export interface ConnectOptions {
  /** `https://HOST:PORT`, or `http://` where the server has no TLS. In a page of the same origin: `location.origin`. */
  server: string;
  token?: string | undefined;
}

/** Prepares a connection; it comes about with the first call. */
export function connect({ server, token }: ConnectOptions): Client {
  const transport = createGrpcWebTransport({ baseUrl: server, interceptors: interceptors(token) });
  // A browser keeps its connections itself.
  return new Client(transport, oneByOne, () => {});
}
