/** What this package defines for plugins that read it. No side effects. */
import { defineAttribute } from "@pointsman/plugin-api";

/** What the model server says of its own load. */
export const ServerLoad = defineAttribute({
  id: "__OWNER__/server-load",
  major: 1,
  kind: "f64",
  unit: "requests",
  // An older value reads as unknown.
  maxAgeMs: 5_000,
  description: "Requests that the model server says it is working on.",
});
