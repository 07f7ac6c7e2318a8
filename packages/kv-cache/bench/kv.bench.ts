import { performance } from "node:perf_hooks";
import {
  type BlockKeys,
  ExactPrefixIndex,
  KvEventDecoder,
  KvEventIndexer,
  NO_PARENT,
  requestKeys,
  type Tier,
  tiers,
} from "../src/index.ts";
import { pack } from "../test/msgpack-encoder.ts";

/** The exact index at a million blocks and 64 endpoints beside one of JS maps, the event path, and hashing. Medians; rates are per second of processor
 * time. */

const ENDPOINTS = 64;
const CHAINS = 500;
const LENGTH = 2_000;
const EVENT_BLOCKS = 16;
const BLOCK_TOKENS = 16;
const MIB = 1024 * 1024;

let state = 123_456_789;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function line(what: string, value: string): void {
  console.log(`${what.padEnd(74)} ${value.padStart(14)}`);
}

/** Seconds of processor time since a moment: others on the machine do not count. */
function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

function percentile(values: number[], share: number): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length * share)]!;
}

function microsOf(rounds: number, run: (round: number) => void): number[] {
  for (let i = 0; i < 200; i += 1) run(i);
  const micros: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const from = performance.now();
    run(i);
    micros.push((performance.now() - from) * 1_000);
  }
  return micros;
}

const ids = Array.from({ length: ENDPOINTS }, (_, i) => `default/pod-${i}`);
const chains: BlockKeys[] = Array.from({ length: CHAINS }, () =>
  Int32Array.from({ length: 2 * LENGTH }, () => random(0xffff_ffff) | 0),
);

/** One endpoint has all of a chain, seven have a prefix, and the first has part of it in host memory too. */
interface Stored {
  readonly chain: number;
  readonly from: number;
  readonly count: number;
  readonly endpoint: number;
  readonly tier: Tier;
}
const stored: { readonly at: number; readonly event: Stored }[] = [];
for (let chain = 0; chain < CHAINS; chain += 1) {
  const base = random(ENDPOINTS);
  const holdings: [number, number, Tier][] = [1, 2, 3, 4, 5, 6, 7].map((k) => {
    return [(base + k * 7) % ENDPOINTS, k < 2 ? 1_400 : k < 4 ? 1_000 : 200, tiers.gpu];
  });
  for (const [endpoint, length, tier] of [
    [base, LENGTH, tiers.gpu] as const,
    ...holdings,
    [base, 1_200, tiers.cpu] as const,
  ]) {
    for (let from = 0; from < length; from += EVENT_BLOCKS) {
      const count = Math.min(EVENT_BLOCKS, length - from);
      stored.push({ at: from * 8 + random(2_000), event: { chain, from, count, endpoint, tier } });
    }
  }
}
stored.sort((a, b) => a.at - b.at);

function fill(index: ExactPrefixIndex, shared: boolean): number {
  for (const id of ids) index.join(id);
  let entries = 0;
  const hashes = new Int32Array(2 * EVENT_BLOCKS);
  for (const { event } of stored) {
    const { chain, from, count, endpoint, tier } = event;
    const keys = chains[chain]!.subarray(2 * from, 2 * (from + count));
    // Engines without a common seed hash the same block differently.
    for (let i = 0; i < 2 * count; i += 1)
      hashes[i] = keys[i]! ^ (shared ? 0x5bd1e995 : Math.imul(endpoint + 1, 0x9e3779b1));
    entries += index.store(ids[endpoint]!, tier, hashes.subarray(0, 2 * count), keys);
  }
  return entries;
}

for (const shared of [true, false]) {
  const name = shared ? "shared engine map" : "map per endpoint";
  const index = new ExactPrefixIndex({ maxBytes: 512 * MIB, maxEndpoints: ENDPOINTS, sharedEngineHashes: shared });
  const from = process.cpuUsage();
  const entries = fill(index, shared);
  const seconds = cpuSeconds(from);
  const { blocks, bytes, engineHashes, sets } = index.statistics();
  line(`${name}: ${blocks} blocks, ${entries} block × endpoint × tier, ${sets} sets`, "");
  line("  store, events of 16 blocks, all interleaved", `${(entries / seconds / 1e6).toFixed(2)} M/s`);
  line("  bytes per block", `${(bytes / blocks).toFixed(1)} B`);
  line(`  bytes per engine hash (${engineHashes})`, `${(bytes / engineHashes).toFixed(1)} B`);
  let matched = 0;
  const query = (length: number) => (): void => {
    const keys = chains[random(CHAINS)]!;
    matched += index.match(length === LENGTH ? keys : keys.subarray(0, 2 * length)).longest;
  };
  for (const length of [LENGTH, 500, 64]) {
    const micros = microsOf(3_000, query(length));
    line(
      `  longest prefix of ${length} blocks over all endpoints, p50 / p99`,
      `${percentile(micros, 0.5).toFixed(1)} / ${percentile(micros, 0.99).toFixed(1)} µs`,
    );
  }
  const missed = Int32Array.of(1, 2, 3, 4);
  line(
    "  miss at block 0, p50",
    `${percentile(
      microsOf(3_000, () => void index.match(missed)),
      0.5,
    ).toFixed(2)} µs`,
  );
  const clear = performance.now();
  index.clear(ids[0]!);
  line("  clear one endpoint: at once for matches", `${((performance.now() - clear) * 1_000).toFixed(0)} µs`);
  if (matched === 0) throw new Error("nothing was matched");
}

{
  // The baseline: what one would write first.
  const byKey = new Map<bigint, Set<number>>();
  const keysOf = chains.map((keys) => new BigUint64Array(keys.buffer));
  const from = process.cpuUsage();
  let entries = 0;
  for (const { event } of stored) {
    for (let i = event.from; i < event.from + event.count; i += 1) {
      const key = keysOf[event.chain]![i]!;
      let holders = byKey.get(key);
      if (holders === undefined) {
        holders = new Set();
        byKey.set(key, holders);
      }
      holders.add(2 * event.endpoint + event.tier);
      entries += 1;
    }
  }
  const seconds = cpuSeconds(from);
  line("baseline, Map<bigint, Set<number>>: add", `${(entries / seconds / 1e6).toFixed(2)} M/s`);
  const scores = new Float64Array(ENDPOINTS);
  const micros = microsOf(300, () => {
    const keys = keysOf[random(CHAINS)]!;
    scores.fill(0);
    let active: Set<number> | undefined;
    for (const key of keys) {
      const next = new Set<number>();
      for (const holder of byKey.get(key) ?? []) if (active?.has(holder >> 1) !== false) next.add(holder >> 1);
      if (next.size === 0) break;
      for (const endpoint of next) scores[endpoint]! += 1;
      active = next;
    }
  });
  line("baseline: longest prefix of 2000 blocks over all endpoints, p50", `${percentile(micros, 0.5).toFixed(0)} µs`);
}

{
  const tokens = Uint32Array.from({ length: 102_400 }, () => random(128_256));
  const micros = microsOf(300, () => void requestKeys(tokens, BLOCK_TOKENS, NO_PARENT));
  line("keys of 409600 B (102400 tokens, blocks of 16), p50", `${(percentile(micros, 0.5) / 1_000).toFixed(3)} ms`);
}

for (const blocks of [16, 64]) {
  const payloads: [string, Buffer][] = [];
  const total = 200_000;
  for (let chain = 0; payloads.length * blocks < total; chain += 1) {
    const hash = (i: number): bigint => (BigInt(chain + 1) << 40n) | BigInt(i + 1);
    for (let from = 0; from < 2_000 - blocks && payloads.length * blocks < total; from += blocks) {
      const event = {
        type: "BlockStored",
        block_hashes: Array.from({ length: blocks }, (_, i) => hash(from + i)),
        parent_block_hash: from === 0 ? null : hash(from - 1),
        token_ids: Array.from({ length: blocks * BLOCK_TOKENS }, () => random(128_256)),
        block_size: BLOCK_TOKENS,
        lora_id: null,
        medium: "GPU",
        lora_name: null,
        group_idx: 0,
        kv_cache_spec_kind: "full_attention",
      };
      payloads.push([ids[chain % ENDPOINTS]!, pack([1.5, [event], 0])]);
    }
  }
  const rates: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    const index = new ExactPrefixIndex({ maxBytes: 256 * MIB, maxEndpoints: ENDPOINTS });
    for (const id of ids) index.join(id);
    const indexer = new KvEventIndexer({ index, blockTokens: BLOCK_TOKENS });
    const decoder = new KvEventDecoder();
    const from = process.cpuUsage();
    for (const [id, payload] of payloads) decoder.decode(payload, (event) => indexer.apply(id, event));
    rates.push(payloads.length / cpuSeconds(from));
    if (indexer.counts.storedBlocks !== payloads.length * blocks) throw new Error("not everything was stored");
  }
  const rate = percentile(rates, 0.5);
  line(
    `events decoded, hashed and applied, ${blocks} blocks a message, per CPU second`,
    `${Math.round(rate / 1_000)} k msg/s`,
  );
  line("  that is", `${((rate * blocks) / 1e6).toFixed(2)} M blocks/s`);
}
