import { performance } from "node:perf_hooks";
import {
  ApproximatePrefixIndex,
  approximateKeys,
  approximateRoot,
  type BlockKeys,
  linkedKeys,
  NO_PARENT,
} from "../src/index.ts";

/** Hashing of prompts, and the approximate prefix index at 64 endpoints × 31 250 blocks. Medians. */

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >>> 1]!;
}

function percentile(values: number[], share: number): number {
  return values[Math.floor(values.length * share)]!;
}

function line(what: string, value: string): void {
  console.log(`${what.padEnd(64)} ${value.padStart(14)}`);
}

let state = 123_456_789;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function time(rounds: number, run: () => void): number {
  for (let i = 0; i < 50; i += 1) run();
  const micros: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const from = performance.now();
    run();
    micros.push((performance.now() - from) * 1_000);
  }
  return median(micros);
}

const tokens = Uint32Array.from({ length: 102_400 }, () => random(128_256));
const bytes = new Uint8Array(tokens.buffer);
const root = approximateRoot("llama-3.1-8b", undefined);
for (const [blockTokens, count] of [
  [64, 102_400],
  [16, 102_400],
  [64, 10_000],
] as const) {
  const prompt = tokens.subarray(0, count);
  const micros = time(300, () => void approximateKeys(prompt, blockTokens, root));
  line(`approximate keys of ${4 * count} B, blocks of ${blockTokens} tokens`, `${micros.toFixed(1)} µs`);
}
line(
  "linked keys of 409600 B, blocks of 256 bytes",
  `${time(300, () => void linkedKeys([bytes], 256, NO_PARENT)).toFixed(1)} µs`,
);

const ENDPOINTS = 64;
const BLOCKS_PER_ENDPOINT = 31_250;
const LENGTH = 500;
const CHAINS = 2_000;
const ids = Array.from({ length: ENDPOINTS }, (_, i) => `default/pod-${i}`);
const chains: BlockKeys[] = Array.from({ length: CHAINS }, () => {
  return Int32Array.from({ length: 2 * LENGTH }, () => random(0xffff_ffff) | 0);
});
/** Three endpoints per chain, as the reference's benchmark has them. */
const endpointOf = (chain: number): string => ids[(chain * 7 + random(3) * 21) % ENDPOINTS]!;

const index = new ApproximatePrefixIndex({ maxBytes: 128 * 1024 * 1024 });
const rates: number[] = [];
let known = 0;
for (let round = 0; round < 16; round += 1) {
  const from = performance.now();
  for (let i = 0; i < 1_000; i += 1) {
    const chain = random(CHAINS);
    known += index.add(endpointOf(chain), chains[chain]!, BLOCKS_PER_ENDPOINT)!.known;
  }
  rates.push((1_000 * LENGTH) / (performance.now() - from) / 1_000);
}
const { entries, bytes: reserved } = index.statistics();
line(
  `add, ${ENDPOINTS} endpoints of ${BLOCKS_PER_ENDPOINT} blocks, ${entries} entries`,
  `${median(rates).toFixed(2)} M/s`,
);
line("share of these that the endpoint had already", (known / (16 * 1_000 * LENGTH)).toFixed(2));
line("reserved for 128 MiB", `${(reserved / 2 ** 20).toFixed(1)} MiB`);
line("reserved per entry there is room for", `${(reserved / index.statistics().capacity).toFixed(1)} B`);

let walked = 0;
const micros: number[] = [];
for (let i = 0; i < 5_000; i += 1) {
  const chain = chains[random(CHAINS)]!;
  const from = performance.now();
  walked += index.match(chain).longest;
  micros.push((performance.now() - from) * 1_000);
}
line(
  `match of 500 blocks (longest match ${Math.round(walked / 5_000)} on average), p50`,
  `${median(micros).toFixed(1)} µs`,
);
line("p99", `${percentile(micros, 0.99).toFixed(1)} µs`);

const full = new ApproximatePrefixIndex({ maxBytes: 32 * 1024 * 1024 });
const fullRates: number[] = [];
known = 0;
for (let round = 0; round < 12; round += 1) {
  const from = performance.now();
  for (let i = 0; i < 1_000; i += 1) {
    const chain = random(CHAINS);
    known += full.add(endpointOf(chain), chains[chain]!)!.known;
  }
  fullRates.push((1_000 * LENGTH) / (performance.now() - from) / 1_000);
}
line(
  `add with the whole index full (${full.statistics().capacity} entries), evicting by age`,
  `${median(fullRates).toFixed(2)} M/s`,
);
line("share of these that the endpoint had already", (known / (12 * 1_000 * LENGTH)).toFixed(2));
