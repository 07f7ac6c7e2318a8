import type { HeaderList } from "@pointsman/ext-proc";
import { readControl, type TrustedHeaders } from "./control-headers.ts";

/** Headers by which coding agents name their session, in order of preference. */
const agentHeaders = ["x-claude-code-session-id", "x-session-affinity", "session-id", "session_id"] as const;

/** Fairness id: the header, else the agent's session, else `default-flow`. */
export function tenantOf(headers: HeaderList, trusted: TrustedHeaders): string {
  const named = readControl(headers, "fairness", trusted);
  if (named !== undefined) return named;
  for (const name of agentHeaders) {
    const value = headers.get(name);
    if (value !== undefined && value !== "") return value;
  }
  return "default-flow";
}
