import type { HostPort } from "@pointsman/plugin-api";
import type { RawHeaders } from "../http/headers.ts";
import { parseTarget } from "../http/target.ts";

const PREFILLER = "x-prefiller-host-port";
/** Its name and form until July 2025: a URL. */
const LEGACY_PREFILLER = "x-prefiller-url";
const ENCODERS = "x-encoder-hosts-ports";
const KV_SOURCE = "x-kv-cache-source-host-port";
const RANK = "x-data-parallel-host-port";

const FIELDS: ReadonlySet<string> = new Set([PREFILLER, LEGACY_PREFILLER, ENCODERS, KV_SOURCE, RANK]);
const SHORTEST = LEGACY_PREFILLER.length;

/** Fields that are the sidecar's business, or made anew for each leg: no model server sees the client's. */
export const NOT_FORWARDED: ReadonlySet<string> = new Set([...FIELDS, ...["host", "content-length", "expect"]]);

/** What the router asks for, as it was written. */
export interface Routing {
  readonly prefillers: readonly string[];
  readonly encoders: readonly string[];
  readonly kvSource: string | undefined;
  /** Which data-parallel rank decodes. */
  readonly rank: string | undefined;
}

/** All values of the fields that route, in one pass. */
export function readRouting(raw: RawHeaders): Routing {
  const values: Record<string, string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.length < SHORTEST || (name[0] !== "x" && name[0] !== "X")) continue;
    const field = name.toLowerCase();
    if (FIELDS.has(field)) (values[field] ??= []).push(raw[i + 1]!);
  }
  const prefillers = listOf(values[PREFILLER]);
  return {
    prefillers: prefillers.length > 0 ? prefillers : listOf(values[LEGACY_PREFILLER]),
    encoders: listOf(values[ENCODERS]),
    kvSource: values[KV_SOURCE]?.[0]?.trim(),
    rank: values[RANK]?.[0]?.trim() || undefined,
  };
}

/** Empty entries are left out: `"a,"` names one server. */
function listOf(values: readonly string[] = []): string[] {
  return values.flatMap((value) => value.split(",")).flatMap((entry) => entry.trim() || []);
}

/** A KV source; undefined unless both host and port are there. It only saves work, so it is never an error. */
export function parseKvSource(text: string | undefined): HostPort | undefined {
  return text !== undefined && /[^:]:\d+$/.test(text) ? parseTarget(text) : undefined;
}
