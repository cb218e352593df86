// What both entries have.

export { Client } from "./client.js";
export { TandemError } from "./errors.js";
export type { StatusCode, Violation } from "./errors.js";
export { pages } from "./pages.js";
export type { Item } from "./pages.js";
export type { Tail, TailOptions } from "./tail.js";
export { WINDOW } from "./writer.js";
export type { Writer, WriterOptions, Written } from "./writer.js";
