import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import { KvBlockCount, KvBlockSize } from "@pointsman/plugin-api/keys";

/** How much work endpoints can take, relative to each other. Valid for one call. */
export interface Capacities {
  of(endpoint: Endpoint, roomTokens: number): number;
}

/** Tokens that an endpoint's KV cache has room for; `NaN` = unknown. */
export function roomTokens(blocks: number, blockTokens: number): number {
  const room = blocks * blockTokens;
  return room > 0 ? room : Number.NaN;
}

/** The label of an endpoint as a number above 0, else undefined. */
function labelled({ labels }: Endpoint, label: string): number | undefined {
  const value = Number(labels[label]);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/** By label where a candidate has it (then others count 1), else by the size of the KV cache over the mean, else 1. */
export function capacitiesOf(candidates: Candidates, label: string): Capacities {
  if (label === "") return equal;
  let rooms = 0;
  let known = 0;
  const blocks = candidates.column(KvBlockCount);
  const sizes = candidates.column(KvBlockSize);
  for (let i = 0; i < candidates.length; i += 1) {
    if (labelled(candidates[i]!, label) !== undefined) return { of: (endpoint) => labelled(endpoint, label) ?? 1 };
    const room = roomTokens(blocks[i]!, sizes[i]!);
    if (!(room > 0)) continue;
    rooms += room;
    known += 1;
  }
  if (known === 0) return equal;
  const mean = rooms / known;
  return { of: (_, room) => (room > 0 ? room / mean : 1) };
}

const equal: Capacities = { of: () => 1 };
