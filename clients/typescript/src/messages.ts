// What is done with messages before they are sent.

import { clone, create, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

/**
 * The caller's message as one of our own, which nobody changes any more. It throws what cannot be encoded, such as a
 * number out of range: under way that would look like a connection that broke, and be tried again and again.
 */
export function taken<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>): MessageShape<Desc> {
  const message = clone(desc, create(desc, init));
  toBinary(desc, message);
  return message;
}

/** A random UUID. `crypto.randomUUID` is not there in pages without TLS. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
