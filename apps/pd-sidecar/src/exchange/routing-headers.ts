import type { HostPort } from "@pointsman/plugin-api";
import { type RawHeaders, valuesOf } from "../http/headers.ts";
import { parseTarget } from "../http/target.ts";

const PREFILLER = "x-prefiller-host-port";
/** Its name and form until July 2025: a URL. */
const LEGACY_PREFILLER = "x-prefiller-url";
const ENCODERS = "x-encoder-hosts-ports";
const KV_SOURCE = "x-kv-cache-source-host-port";
const RANK = "x-data-parallel-host-port";

/** Fields that are the sidecar's business, or made anew for each leg: no model server sees the client's. */
export const NOT_FORWARDED: ReadonlySet<string> = new Set([
  ...[PREFILLER, LEGACY_PREFILLER, ENCODERS, KV_SOURCE, RANK],
  ...["host", "content-length", "expect"],
]);

/** What the router asks for, as it was written. */
export interface Routing {
  readonly prefillers: readonly string[];
  readonly encoders: readonly string[];
  readonly kvSource: string | undefined;
  /** Which data-parallel rank decodes. */
  readonly rank: string | undefined;
}

export function readRouting(raw: RawHeaders): Routing {
  const prefillers = listOf(valuesOf(raw, PREFILLER));
  return {
    prefillers: prefillers.length > 0 ? prefillers : listOf(valuesOf(raw, LEGACY_PREFILLER)),
    encoders: listOf(valuesOf(raw, ENCODERS)),
    kvSource: valuesOf(raw, KV_SOURCE)[0]?.trim(),
    rank: valuesOf(raw, RANK)[0]?.trim() || undefined,
  };
}

/** Empty entries are left out: `"a,"` names one server. */
function listOf(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(",")).flatMap((entry) => entry.trim() || []);
}

/** A KV source; undefined unless both host and port are there. It only saves work, so it is never an error. */
export function parseKvSource(text: string | undefined): HostPort | undefined {
  return text !== undefined && /[^:]:\d+$/.test(text) ? parseTarget(text) : undefined;
}
