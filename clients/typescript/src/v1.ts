// The messages and services of package tandem.v1.

export * from "./gen/tandem/v1/access_pb.js";
export * from "./gen/tandem/v1/activity_pb.js";
export * from "./gen/tandem/v1/alerts_pb.js";
export * from "./gen/tandem/v1/errors_pb.js";
export * from "./gen/tandem/v1/queue_pb.js";
export * from "./gen/tandem/v1/records_pb.js";
export * from "./gen/tandem/v1/sync_pb.js";
export * from "./gen/tandem/v1/table_maps_pb.js";
