// Reads, and changes that carry their id, are repeated while the server is away.

import { clone, isMessage } from "@bufbuild/protobuf";
import type { Interceptor, UnaryRequest } from "@connectrpc/connect";
import { sleep } from "./backoff.js";
import { TandemError } from "./errors.js";
import { serviceConfig } from "./gen/service_config.js";
import { WriteRecordRequestSchema } from "./gen/tandem/v1/sync_pb.js";
import { uuid } from "./messages.js";

type Policy = (typeof serviceConfig.methodConfig)[number]["retryPolicy"];

const POLICIES = new Map<string, Policy>(
  serviceConfig.methodConfig.flatMap(({ name, retryPolicy }) =>
    name.map(({ service, method }) => [`${service}/${method}`, retryPolicy] as const),
  ),
);

export const retries: Interceptor = (next) => async (request) => {
  const policy = POLICIES.get(`${request.service.typeName}/${request.method.name}`);
  if (request.stream || !policy) return next(request);
  const asked = named(request);
  for (let attempt = 1; ; attempt++) {
    try {
      return await next(asked);
    } catch (error) {
      const { code } = TandemError.ofCall(error, request.signal.aborted);
      const isOver = attempt >= policy.maxAttempts || request.signal.aborted;
      if (isOver || !policy.retryableStatusCodes.includes(code)) throw error;
    }
    await sleep(backoffMs(policy, attempt), request.signal);
  }
};

/** A retry is the same change: the server knows it by its id. */
function named(request: UnaryRequest): UnaryRequest {
  if (!isMessage(request.message, WriteRecordRequestSchema) || request.message.changeId) return request;
  const message = clone(WriteRecordRequestSchema, request.message);
  message.changeId = uuid();
  return { ...request, message };
}

/** As gRPC's own clients have it, with a fifth more or less, so that those who wait do not come back together. */
function backoffMs(policy: Policy, attempt: number): number {
  const seconds = parseFloat(policy.initialBackoff) * policy.backoffMultiplier ** (attempt - 1);
  return Math.min(seconds, parseFloat(policy.maxBackoff)) * 1000 * (0.8 + Math.random() * 0.4);
}
