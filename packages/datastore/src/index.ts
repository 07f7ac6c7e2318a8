export type { DatastoreOptions, WriteOptions } from "./datastore.ts";
export { Datastore } from "./datastore.ts";
export type { EndpointIdentity } from "./endpoint-identity.ts";
export type { RequestValues, Roster } from "./snapshot.ts";
export { Snapshot } from "./snapshot.ts";
