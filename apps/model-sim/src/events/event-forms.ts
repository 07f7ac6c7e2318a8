import type { StoredBlocks } from "./cache-watch.ts";
import { Float, type Packable } from "./msgpack.ts";

/** How events are written: as vLLM did until June 2026, or since. */
export type EventEncoding = "array" | "map";

/** Engine hashes of blocks. */
export type HashOf = (key: number) => bigint;

export function storedEvent(
  blocks: StoredBlocks,
  blockSize: number,
  hashOf: HashOf,
  encoding: EventEncoding,
): Packable {
  const { keys, parent, tokens, adapter, cacheSalt } = blocks;
  // vLLM puts the adapter before the salt, and the salt into the first block of a prompt only.
  const extraKeys = keys.map((_, i): Packable => {
    const extras = [
      ...(adapter === undefined ? [] : [adapter]),
      ...(cacheSalt !== "" && parent === undefined && i === 0 ? [cacheSalt] : []),
    ];
    return extras.length === 0 ? null : extras;
  });
  const fields = {
    block_hashes: keys.map(hashOf),
    parent_block_hash: parent === undefined ? null : hashOf(parent),
    token_ids: [...tokens],
    block_size: blockSize,
    lora_id: adapter === undefined ? null : 1,
    medium: "GPU",
    lora_name: adapter ?? null,
    extra_keys: extraKeys.every((extras) => extras === null) ? null : extraKeys,
    group_idx: 0,
    kv_cache_spec_kind: "full_attention",
  };
  return encoding === "map" ? { type: "BlockStored", ...fields } : ["BlockStored", ...Object.values(fields), null];
}

export function removedEvent(keys: readonly number[], hashOf: HashOf, encoding: EventEncoding): Packable {
  const hashes = keys.map(hashOf);
  if (encoding === "array") return ["BlockRemoved", hashes, "GPU", 0];
  return { type: "BlockRemoved", block_hashes: hashes, medium: "GPU", group_idx: 0 };
}

/** A batch around events. @param now milliseconds since the epoch */
export function batchOf(events: readonly Packable[], now: number): Packable {
  return [new Float(now / 1000), events, 0];
}
