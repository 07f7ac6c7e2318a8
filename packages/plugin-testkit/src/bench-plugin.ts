import type { Attribute, Plugin } from "@pointsman/plugin-api";
import { openPlugin } from "@pointsman/plugin-api/internal";
import * as keys from "@pointsman/plugin-api/keys";
import { type PluginUnderTest, setUpPlugin } from "./set-up-plugin.ts";
import { createTestPool, type TestPool, value } from "./test-pool.ts";
import { createTestRequest, pseudoRandom } from "./test-request.ts";

const SIZES = [100, 1_000];
const ROUNDS = 15;
const ROUND_MS = 10;

export interface BenchPluginOptions {
  /** Parameters by type, for types that cannot do without. */
  readonly configs?: Readonly<Record<string, unknown>>;
  /** Takes the lines of the report. */
  readonly print: (line: string) => void;
}

/**
 * Measures what one call of each filter, scorer and picker costs with 100 and with 1 000 endpoints, every standard
 * attribute known. Prints medians in microseconds; judges nothing.
 */
export async function benchPlugin(exported: Plugin | readonly Plugin[], options: BenchPluginOptions): Promise<void> {
  for (const plugin of Array.isArray(exported) ? exported : [exported as Plugin]) {
    const opened = openPlugin(plugin);
    if (opened === undefined || typeof opened === "string") throw new TypeError(opened ?? "not a plugin");
    const { type } = opened.spec;
    for (const size of SIZES) {
      const pool = createFullPool(size);
      const instance = await setUpPlugin(plugin, { pool, config: options.configs?.[type] ?? {} });
      for (const [kind, call] of callsOf(instance, pool)) {
        options.print(
          `${type} ${kind}, ${String(size).padStart(5)} endpoints   ${measure(call).toFixed(2).padStart(8)} µs`,
        );
      }
      await instance.shutDown();
    }
  }
}

function createFullPool(size: number): TestPool {
  const random = pseudoRandom(size);
  const standard = Object.values(keys).filter(
    (key): key is typeof key & Attribute => key.$$type === "pointsman/attribute",
  );
  return createTestPool(
    Array.from({ length: size }, (_, i) => ({
      host: `10.0.${i >> 8}.${i & 255}`,
      labels: { "llm-d.ai/role": i % 2 === 0 ? "decode" : "prefill", zone: `z${i % 3}` },
      attributes: standard.map((attribute) =>
        value(attribute as Attribute, attribute.kind === "f64" ? random() : new Set(["m", `m${i % 7}`])),
      ),
    })),
  );
}

function callsOf({ filter, scorer, picker }: PluginUnderTest, pool: TestPool): [kind: string, call: () => void][] {
  const request = createTestRequest({ headers: { "test-epp-endpoint-selection": "10.0.0.1" } });
  const candidates = pool.candidates();
  const keep = new Uint8Array(candidates.length);
  const scores = new Float64Array(candidates.length);
  const totals = Float64Array.from(candidates, (_, i) => (i * 7919) % 101);
  const ranked = new Uint32Array(candidates.length);
  const calls: [string, () => void][] = [];
  if (filter !== undefined) calls.push(["filter", () => filter.filter(request, candidates, keep.fill(1))]);
  if (scorer !== undefined) calls.push(["scorer", () => scorer.score(request, candidates, scores.fill(Number.NaN))]);
  if (picker !== undefined) calls.push(["picker", () => void picker.pick(request, candidates, totals, ranked)]);
  return calls;
}

/** Median of several rounds, in microseconds per call. */
function measure(call: () => void): number {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const until = performance.now() + ROUND_MS;
    const started = performance.now();
    let calls = 0;
    while (performance.now() < until) {
      for (let i = 0; i < 20; i += 1) call();
      calls += 20;
    }
    rounds.push(((performance.now() - started) * 1_000) / calls);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}
