import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseMooncakeTrace, type Trace } from "@pointsman/simulation";

/** The trace is not part of the repository: it is looked for beside it, or where the variable says. */
const folder = process.env.POINTSMAN_TRACES ?? join(import.meta.dirname, "..", "..", "..", "shared", "traces");
const file = join(folder, "mooncake-conversation.jsonl");

/** Mooncake's conversation trace, or its first requests; undefined where it is missing. */
export function recordedTrace(limit?: number): Trace | undefined {
  if (!existsSync(file)) return undefined;
  const options = { name: "conversation", ...(limit === undefined ? {} : { limit }) };
  const { trace, diagnostics } = parseMooncakeTrace(readFileSync(file, "utf8"), options);
  if (trace === undefined) throw new Error(diagnostics[0]?.message);
  return trace;
}
