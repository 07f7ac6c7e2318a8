import { definePlugin } from "@pointsman/plugin-api";
import { createRoleFilter } from "./role-filter.ts";

const ROLES: ReadonlySet<string> = new Set(["decode", "prefill-decode", "both", "encode-prefill-decode"]);

/** Keeps the endpoints that can decode, those without a role label included. */
export const decodeFilter = definePlugin({
  type: "decode-filter",
  description: "Keeps the endpoints that can decode, those without a role label included",
  state: "none",
  setup: () => ({ filter: createRoleFilter(ROLES, true) }),
});
