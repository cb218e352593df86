// The messages and the service of package tandem.admin.v1.

export * from "./gen/tandem/admin/v1/admin_pb.js";
