// What holds for every call: it shows the token, and its errors are typed.

import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { TandemError } from "./errors.js";
import { taken } from "./messages.js";
import { retries } from "./retries.js";

/** The interceptors of a transport. */
export function interceptors(token: string | undefined): Interceptor[] {
  return token ? [showing(token), retries] : [retries];
}

function showing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

type Given = Parameters<Transport["unary"]>;

/**
 * The transport with typed errors, until it is closed. An interceptor could not do it: what it throws becomes a
 * ConnectError again.
 */
export function typed(transport: Transport, closed: AbortSignal): Transport {
  /** Whether it is the caller who ends the call: then it is not worth trying again. */
  const isEnded = (signal: AbortSignal | undefined) => closed.aborted || signal?.aborted;
  function assertOpen(): void {
    if (closed.aborted) throw new TandemError("CANCELLED", "the client is closed", [], undefined, true);
  }
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: Given[1],
      timeoutMs: Given[2],
      header: Given[3],
      input: MessageInitShape<I>,
      contextValues?: Given[5],
    ) {
      const message = taken(method.input, input) as MessageInitShape<I>;
      assertOpen();
      try {
        return await transport.unary(method, signal, timeoutMs, header, message, contextValues);
      } catch (error) {
        throw TandemError.ofCall(error, isEnded(signal));
      }
    },
    async stream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodStreaming<I, O>,
      signal: Given[1],
      timeoutMs: Given[2],
      header: Given[3],
      input: AsyncIterable<MessageInitShape<I>>,
      contextValues?: Given[5],
    ) {
      assertOpen();
      const ended = signal ? AbortSignal.any([signal, closed]) : closed;
      try {
        const response = await transport.stream(method, ended, timeoutMs, header, input, contextValues);
        return { ...response, message: typedEach(response.message, ended) };
      } catch (error) {
        throw TandemError.ofCall(error, ended.aborted);
      }
    },
  };
}

async function* typedEach<T>(messages: AsyncIterable<T>, ended: AbortSignal): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw TandemError.ofCall(error, ended.aborted);
  }
}
