import { readFileSync } from "node:fs";
import { parseTrace, type Trace } from "./trace.ts";

let small: Trace | undefined;

/** The recording that comes with the kit: 22 requests to four servers within a second. */
export function smallFleet(): Trace {
  small ??= parseTrace(JSON.parse(readFileSync(new URL("../../traces/small-fleet.json", import.meta.url), "utf8")));
  return small;
}
