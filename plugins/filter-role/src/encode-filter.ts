import { definePlugin } from "@pointsman/plugin-api";
import { createRoleFilter } from "./role-filter.ts";

const ROLES: ReadonlySet<string> = new Set(["encode", "encode-prefill", "encode-prefill-decode"]);

/** Keeps the endpoints whose role label says that they can encode. */
export const encodeFilter = definePlugin({
  type: "encode-filter",
  description: "Keeps the endpoints whose role label says that they can encode",
  state: "none",
  setup: () => ({ filter: createRoleFilter(ROLES, false) }),
});
