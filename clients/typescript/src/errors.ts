// Errors with the details that the server gives.

import { fromBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, ResourceInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import type { Status } from "./gen/google/rpc/status_pb.js";

/** The status codes, each at its number. */
const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

export type StatusCode = (typeof CODES)[number];

/** Codes that a transport gives a call when it breaks. With an ErrorInfo the code is the server's own word. */
const OF_TRANSPORT: readonly StatusCode[] = ["UNAVAILABLE", "ABORTED", "INTERNAL", "UNKNOWN", "CANCELLED"];

/** A field of the request that is malformed, and why. */
export interface Violation {
  field: string;
  description: string;
}

interface Detail {
  type: string;
  value: Uint8Array;
}

/** Whether the connection broke: the transport says so in many ways, and the server has said nothing. */
function isBreak(ended: ConnectError, code: StatusCode): boolean {
  if (ended.metadata.has("grpc-status")) return false;
  // These two are also of answers that cannot be read; what breaks a connection is then their cause.
  if (code === "INTERNAL" || code === "UNKNOWN") return ended.cause !== undefined;
  return code === "ABORTED" || code === "CANCELLED";
}

/** Why a call, or a change of a stream, was not done. */
export class TandemError extends Error {
  override readonly name = "TandemError";
  /** The name of the status code. */
  readonly code: StatusCode;
  /** One of `ErrorReason` without its prefix, such as MAP_NOT_RUNNING; empty when the server was not reached. */
  reason = "";
  /** What belongs to the reason; `ErrorReason` says under which names. */
  metadata: Record<string, string> = {};
  /** Every malformed field, of INVALID_ARGUMENT. */
  violations: Violation[] = [];
  /** The resource that is meant; undefined when there is none. */
  resource: { type: string; name: string } | undefined;
  /** In how many milliseconds it is worth trying again; undefined when the server does not say. */
  retryDelayMs: number | undefined;
  /** Whether it was the caller who ended the call. */
  readonly #aborted: boolean;

  constructor(code: StatusCode, message: string, details: Detail[] = [], cause?: unknown, aborted = false) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.#aborted = aborted;
    for (const detail of details) this.#add(detail);
  }

  #add({ type, value }: Detail): void {
    switch (type) {
      case ErrorInfoSchema.typeName: {
        const info = fromBinary(ErrorInfoSchema, value);
        this.reason = info.reason;
        this.metadata = info.metadata;
        break;
      }
      case BadRequestSchema.typeName: {
        const { fieldViolations } = fromBinary(BadRequestSchema, value);
        this.violations = fieldViolations.map(({ field, description }) => ({ field, description }));
        break;
      }
      case ResourceInfoSchema.typeName: {
        const resource = fromBinary(ResourceInfoSchema, value);
        this.resource = { type: resource.resourceType, name: resource.resourceName };
        break;
      }
      case RetryInfoSchema.typeName: {
        const delay = fromBinary(RetryInfoSchema, value).retryDelay;
        if (delay) this.retryDelayMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
      }
    }
  }

  /** The error of a status, as answers of a stream have them. */
  static ofStatus(status: Status): TandemError {
    const details = status.details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
    return new TandemError(CODES[status.code] ?? "UNKNOWN", status.message, details);
  }

  /** The error of a call that has ended; `aborted` when its caller ended it. */
  static ofCall(error: unknown, aborted = false): TandemError {
    if (error instanceof TandemError) return error;
    const ended = ConnectError.from(error);
    const code = CODES[ended.code] ?? "UNKNOWN";
    const details = ended.details.filter((detail): detail is typeof detail & Detail => "type" in detail);
    return new TandemError(!aborted && isBreak(ended, code) ? "UNAVAILABLE" : code, ended.rawMessage, details, error, aborted);
  }

  /** Whether the same call may go through later: the server was not reached, is shutting down or has too much to do. */
  get isTransient(): boolean {
    if (!this.reason) return !this.#aborted && OF_TRANSPORT.includes(this.code);
    return this.code === "UNAVAILABLE" || this.reason === "TOO_MANY_REQUESTS";
  }

  override toString(): string {
    const told = `${this.code}${this.reason && ` (${this.reason})`}: ${this.message}`;
    return [told, ...this.violations.map(({ field, description }) => `  ${field}: ${description}`)].join("\n");
  }
}
