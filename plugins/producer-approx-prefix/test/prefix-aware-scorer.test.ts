import type { RequestView } from "@pointsman/plugin-api";
import {
  configIssues,
  createTestPool,
  createTestRequest,
  type PluginUnderTest,
  type SetUpOptions,
  scoresOf,
  setUpPlugin,
  type TestRequestOptions,
} from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import { prefixAwareScorer } from "../src/prefix-aware-scorer.ts";
import { answer, choose } from "./call.ts";

const BLOCK = 256;
const NONE = [Number.NaN, Number.NaN, Number.NaN, Number.NaN];

async function started(options: SetUpOptions = {}): Promise<PluginUnderTest> {
  const pool = createTestPool(["a", "b", "c", "d"].map((name) => ({ name })));
  const plugin = await setUpPlugin(prefixAwareScorer, {
    pool,
    ...options,
    config: { maxIndexBytes: 1024 * 1024, ...(options.config as object) },
  });
  await plugin.start!();
  return plugin;
}

/** Blocks of 256 bytes: equal letters, equal blocks. */
function requestOf(blocks: string, options: TestRequestOptions & { readonly tail?: number } = {}): RequestView {
  const text = [...blocks].map((letter) => letter.repeat(BLOCK)).join("");
  return createTestRequest({ ...options, prompt: text + "x".repeat(options.tail ?? 0) });
}

function routed(plugin: PluginUnderTest, request: RequestView, decode: string, prefill?: string): RequestView {
  scores(plugin, request);
  choose(plugin, request, prefill === undefined ? { decode } : { decode, prefill });
  return request;
}

function scores(plugin: PluginUnderTest, request: RequestView, keep?: number[]): number[] {
  const all = plugin.pool.candidates();
  return scoresOf(plugin.scorer!, request, keep === undefined ? all : all.narrow(Uint8Array.from(keep)));
}

describe("prefix-aware-scorer", () => {
  it("abstains as long as nobody has had such a prompt", async () => {
    const plugin = await started();
    routed(plugin, requestOf("KLM"), "a");
    expect(scores(plugin, requestOf("ABC"))).toEqual(NONE);
    expect(scores(plugin, requestOf("LM"))).toEqual(NONE);
  });

  it("gives those with hits 1 when all have the same, and the others 0", async () => {
    const plugin = await started();
    routed(plugin, requestOf("AB"), "a");
    routed(plugin, requestOf("ABX"), "c");
    expect(scores(plugin, requestOf("ABC"))).toEqual([1, 0, 1, 0]);
  });

  it("puts the others between the least and the most hits", async () => {
    const plugin = await started();
    routed(plugin, requestOf("ABCDE"), "a");
    routed(plugin, requestOf("ABC"), "b");
    routed(plugin, requestOf("A"), "c");
    // 5, 3, 1 and no hits: the weakest one scores as one without.
    expect(scores(plugin, requestOf("ABCDEF"))).toEqual([1, 0.5, 0, 0]);
    // The limits are those of all endpoints, also of those that filters have removed.
    expect(scores(plugin, requestOf("ABCDEF"), [0, 1, 0, 1])).toEqual([0.5, 0]);
  });

  it("ignores what does not fill a block", async () => {
    const plugin = await started();
    routed(plugin, requestOf("", { tail: 255 }), "a");
    expect(scores(plugin, requestOf("", { tail: 255 }))).toEqual(NONE);
    routed(plugin, requestOf("A", { tail: 255 }), "b");
    expect(scores(plugin, requestOf("A", { tail: 17 }))).toEqual([0, 1, 0, 0]);
    expect(scores(plugin, createTestRequest({ prompt: [1, 2, 3] }))).toEqual(NONE);
  });

  it("keeps models apart", async () => {
    const plugin = await started();
    routed(plugin, requestOf("AB", { model: "one" }), "a");
    expect(scores(plugin, requestOf("AB", { model: "two" }))).toEqual(NONE);
  });

  it("records the endpoints of all profiles, moves with the one that serves, and takes back what nobody served", async () => {
    const plugin = await started();
    const request = routed(plugin, requestOf("AB"), "a", "b");
    expect(scores(plugin, requestOf("AB"))).toEqual([1, 1, 0, 0]);
    answer(plugin, request, "d");
    expect(scores(plugin, requestOf("AB"))).toEqual([0, 1, 0, 1]);
    answer(plugin, routed(plugin, requestOf("XY"), "a"), undefined);
    expect(scores(plugin, requestOf("XY"))).toEqual(NONE);
  });

  it("takes other block sizes, and looks no further than asked", async () => {
    const plugin = await started({ config: { blockSize: 64, maxPrefixBlocksToMatch: 4 } });
    routed(plugin, requestOf("A"), "a");
    routed(plugin, requestOf("AB"), "b");
    expect(scores(plugin, requestOf("AB"))).toEqual([1, 1, 0, 0]);
    expect(configIssues(prefixAwareScorer, { blockSize: 0 })).toEqual([expect.stringMatching(/^blockSize: /)]);
  });

  it("keeps its memory at a reload", async () => {
    const before = await started();
    routed(before, requestOf("AB"), "a");
    const after = await started({ pool: before.pool, previous: before.handOver!() });
    expect(scores(after, requestOf("AB"))).toEqual([1, 0, 0, 0]);
  });
});
