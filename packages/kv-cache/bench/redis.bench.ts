import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { cborFnvKeys, cborFnvRoot, decimalKeys, requestKeys, requestRoot, sha256ChunkHashes } from "../src/index.ts";
import { createRedisIndex, longestPrefixes, type RedisIndex } from "../src/redis/index.ts";

/**
 * One look-up of 500 blocks in a real redis-server over a Unix socket, in one round trip, and what it takes beside it:
 * keys, and this process's CPU time. 8 pods hold prefixes of different lengths. Nothing else runs meanwhile.
 */

const BLOCKS = 500;
const ROUNDS = 2_000;

function line(what: string, value: string): void {
  console.log(`${what.padEnd(72)} ${value.padStart(14)}`);
}

function percentile(sorted: readonly number[], share: number): string {
  return `${sorted[Math.floor(sorted.length * share)]!.toFixed(0)} µs`;
}

function timed(what: string, run: () => void): void {
  for (let i = 0; i < 200; i += 1) run();
  const micros: number[] = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const from = performance.now();
    run();
    micros.push((performance.now() - from) * 1_000);
  }
  micros.sort((a, b) => a - b);
  line(what, percentile(micros, 0.5));
}

async function lookups(what: string, index: RedisIndex, blocks: readonly string[]): Promise<void> {
  const once = async (): Promise<void> => {
    const lookup = await index.lookup("m", blocks);
    if (!lookup.found) throw new Error(`${lookup.why}: ${lookup.message}`);
    if (longestPrefixes(lookup.runs).size !== 8) throw new Error("a pod is missing");
  };
  for (let i = 0; i < 200; i += 1) await once();
  const micros: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i += 1) {
    const from = performance.now();
    await once();
    micros.push((performance.now() - from) * 1_000);
  }
  const { user, system } = process.cpuUsage(before);
  micros.sort((a, b) => a - b);
  line(`${what}: p50`, percentile(micros, 0.5));
  line(`${what}: p99`, percentile(micros, 0.99));
  line(`${what}: CPU of this process`, `${((user + system) / ROUNDS).toFixed(0)} µs`);
}

async function startRedis(socket: string): Promise<ChildProcess> {
  const child = spawn("redis-server", ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no"], {
    stdio: "ignore",
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", () => reject(new Error("redis-server is not on the PATH")));
  });
  const index = createRedisIndex({ address: `unix://${socket}` });
  const isUp = await Promise.race([index.connected(10_000), failed]);
  await index.close();
  if (!isUp) throw new Error("redis-server does not answer");
  return child;
}

const tokens = Uint32Array.from({ length: BLOCKS * 16 }, (_, i) => (i * 7_919) % 128_000);
const root = cborFnvRoot("m");
timed(`keys of ${BLOCKS} blocks of 16 tokens: cbor-fnv`, () => cborFnvKeys(tokens, 16, root));
timed(`keys of ${BLOCKS} blocks of 16 tokens: xxh64`, () => requestKeys(tokens, 16, requestRoot("m")));
timed(`keys of ${(BLOCKS * 16) / 256} chunks of 256 tokens: SHA-256 (v0.1)`, () => sha256ChunkHashes(tokens));
const keys = cborFnvKeys(tokens, 16, root);
timed(`${BLOCKS} keys as decimal texts`, () => decimalKeys(keys));

const folder = mkdtempSync(join(tmpdir(), "pointsman-redis-bench-"));
const socket = join(folder, "redis.sock");
let server: ChildProcess | undefined;
try {
  server = await startRedis(socket);
  const blocks = decimalKeys(keys);
  const open = { address: `unix://${socket}`, deadlineMs: 1_000 };
  for (const [layout, names] of [
    ["head", blocks],
    ["v0.1", blocks.map((block) => block.padStart(64, "0"))],
  ] as const) {
    const script = createRedisIndex({ ...open, layout });
    const pipeline = createRedisIndex({ ...open, layout, read: "pipeline" });
    await Promise.all([script.connected(1_000), pipeline.connected(1_000)]);
    for (let pod = 0; pod < 8; pod += 1) {
      const held = names.slice(0, BLOCKS - 60 * pod);
      script.writer.store({ model: "m", pod: `10.0.0.${pod}:8000`, tier: "gpu", blocks: held });
    }
    await script.writer.flushed();
    await lookups(`look-up of ${BLOCKS} blocks, ${layout}, script`, script, names);
    await lookups(`look-up of ${BLOCKS} blocks, ${layout}, pipeline`, pipeline, names);
    const from = performance.now();
    for (let i = 0; i < 200; i += 1) {
      const own = names.map((name) => `${i}${name}`);
      script.writer.store({ model: "m", pod: "10.0.0.1:8000", tier: "gpu", blocks: own });
    }
    await script.writer.flushed();
    const perSecond = (200 * BLOCKS * 1_000) / (performance.now() - from);
    line(`blocks written per second, ${layout}`, perSecond.toFixed(0));
    await script.close();
    await pipeline.close();
  }
} finally {
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
