// Methods and messages by name, as cases have them.

import { createRegistry, fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import type { Client } from "@tandem-sync/client/web";
import { AlertService, QueueService, SyncService, TableMapService } from "@tandem-sync/client/v1";
import { file_google_rpc_error_details } from "../src/gen/google/rpc/error_details_pb.js";
import type { Json } from "./expectations.js";

const SERVICES = [
  ["tableMaps", TableMapService],
  ["sync", SyncService],
  ["queue", QueueService],
  ["alerts", AlertService],
] as const;

/** What is in a status, and every message of the services. */
const registry = createRegistry(
  file_google_rpc_error_details,
  ...new Set(SERVICES.flatMap(([, service]) => [service.file, ...service.file.dependencies])),
);

function find(name: string): [member: keyof Client, method: DescMethod] {
  const [member, service] = SERVICES.find(([, service]) => service.name === name.split("/")[0])!;
  return [member, service.methods.find((method) => method.name === name.split("/")[1])!];
}

export function method(client: Client, name: string): (request: Message) => Promise<Message & { nextPageToken: string }> {
  const [member, { localName }] = find(name);
  return (client[member] as Json)[localName];
}

export function request(name: string, json: Json = {}): Json {
  return fromJson(find(name)[1].input, json, { registry });
}

export function answerAsJson(name: string, answer: Message): Json {
  return toJson(find(name)[1].output, answer, { registry });
}

export function asJson(message: Message): Json {
  return toJson(registry.getMessage(message.$typeName) as DescMessage, message, { registry });
}
