// A connection to a server, and the four services behind it.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Client as Stub, Transport } from "@connectrpc/connect";
import { typed } from "./calls.js";
import type { ActivityEvent } from "./gen/tandem/v1/activity_pb.js";
import { AlertService } from "./gen/tandem/v1/alerts_pb.js";
import type { AlertEvent, WatchAlertEventsRequestSchema } from "./gen/tandem/v1/alerts_pb.js";
import { QueueService } from "./gen/tandem/v1/queue_pb.js";
import { SyncService } from "./gen/tandem/v1/sync_pb.js";
import { TableMapService } from "./gen/tandem/v1/table_maps_pb.js";
import type { TailActivityRequestSchema } from "./gen/tandem/v1/table_maps_pb.js";
import type { Send } from "./send.js";
import { tailActivity, watchAlertEvents } from "./tail.js";
import type { Tail, TailOptions } from "./tail.js";
import { Writer } from "./writer.js";
import type { WriterOptions } from "./writer.js";

/** The services, as the clients that Connect makes of them. Their errors are `TandemError`. */
export class Client {
  /** What other services are called over, such as AdminService. */
  readonly transport: Transport;
  readonly tableMaps: Stub<typeof TableMapService>;
  readonly sync: Stub<typeof SyncService>;
  readonly queue: Stub<typeof QueueService>;
  readonly alerts: Stub<typeof AlertService>;
  readonly #send: Send;
  readonly #closed = new AbortController();
  readonly #disconnect: () => void;

  constructor(transport: Transport, sendBy: (sync: Stub<typeof SyncService>) => Send, disconnect: () => void) {
    this.transport = typed(transport, this.#closed.signal);
    this.tableMaps = createClient(TableMapService, this.transport);
    this.sync = createClient(SyncService, this.transport);
    this.queue = createClient(QueueService, this.transport);
    this.alerts = createClient(AlertService, this.transport);
    this.#send = sendBy(this.sync);
    this.#disconnect = disconnect;
  }

  /** Follows the activity log of one map or of all, also through breaks: no event is lost, none comes twice. */
  tailActivity(request: MessageInitShape<typeof TailActivityRequestSchema>, options?: TailOptions): Tail<ActivityEvent> {
    return tailActivity(this.tableMaps, request, options);
  }

  /** Follows the alert events in the same way. */
  watchAlertEvents(request: MessageInitShape<typeof WatchAlertEventsRequestSchema>, options?: TailOptions): Tail<AlertEvent> {
    return watchAlertEvents(this.alerts, request, options);
  }

  /** Writes many changes; see `Writer`. */
  writer(options?: WriterOptions): Writer {
    return new Writer(this.#send, options);
  }

  /** Ends the connection and the streams over it. Close writers first: they wait for their answers. */
  close(): void {
    this.#closed.abort();
    this.#disconnect();
  }
}
