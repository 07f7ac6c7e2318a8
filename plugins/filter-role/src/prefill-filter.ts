import { definePlugin } from "@pointsman/plugin-api";
import { createRoleFilter } from "./role-filter.ts";

const ROLES: ReadonlySet<string> = new Set([
  "prefill",
  "encode-prefill",
  "prefill-decode",
  "both",
  "encode-prefill-decode",
]);

/** Keeps the endpoints whose role label says that they can prefill. */
export const prefillFilter = definePlugin({
  type: "prefill-filter",
  description: "Keeps the endpoints whose role label says that they can prefill",
  state: "none",
  setup: () => ({ filter: createRoleFilter(ROLES, false) }),
});
