// The client for Node: gRPC over HTTP/2.

export { connect } from "./node.js";
export type { ConnectOptions } from "./node.js";
export * from "./exports.js";
