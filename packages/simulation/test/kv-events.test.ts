import { describe, expect, it } from "vitest";
import { Engine } from "../src/fleet/engine.ts";
import { defaultEngineModel } from "../src/fleet/engine-model.ts";
import { type BlockEvent, KvEventChannel } from "../src/fleet/kv-events.ts";

const event = (block: number, atMs: number): BlockEvent => ({
  kind: "stored",
  endpoint: 0,
  block,
  parent: undefined,
  atMs,
});

describe("KvEventChannel", () => {
  it("delivers in the order in which things happened, each after its delay", () => {
    const delivered: number[] = [];
    const channel = new KvEventChannel({ delayMs: 100, loss: 0, deliver: ({ block }) => delivered.push(block) }, "s");
    for (const [block, atMs] of [
      [1, 10],
      [2, 50],
      [3, 20],
    ] as const)
      channel.send(event(block, atMs));
    channel.advance(109);
    expect(delivered).toEqual([]);
    channel.advance(130);
    expect(delivered).toEqual([1, 3]);
    channel.advance(Number.POSITIVE_INFINITY);
    expect(delivered).toEqual([1, 3, 2]);
  });

  it("loses about the share it was told, always the same ones for one seed", () => {
    const run = (): number[] => {
      const delivered: number[] = [];
      const channel = new KvEventChannel(
        { delayMs: 0, loss: 0.25, deliver: ({ block }) => delivered.push(block) },
        "s",
      );
      for (let i = 0; i < 4_000; i += 1) channel.send(event(i, i));
      channel.advance(5_000);
      return delivered;
    };
    expect(run().length).toBeGreaterThan(2_850);
    expect(run().length).toBeLessThan(3_150);
    expect(run()).toEqual(run());
  });
});

describe("an engine that is listened to", () => {
  it("tells exactly what its cache holds", () => {
    const held = new Set<number>();
    const parents = new Map<number, number | undefined>();
    const engine = new Engine(3, defaultEngineModel, 6, { traceBlockTokens: 512, engineBlockTokens: 16 }, (told) => {
      expect(told.endpoint).toBe(3);
      if (told.kind === "removed") held.delete(told.block);
      else {
        held.add(told.block);
        parents.set(told.block, told.parent);
      }
    });
    [
      [1, 2, 3],
      [1, 2, 4],
      [7, 8, 9, 10],
    ].forEach((blocks, i) => {
      engine.advance(10_000 * i, []);
      engine.submit(
        i,
        { atMs: 0, inputTokens: 512 * blocks.length, outputTokens: 2, blocks: Int32Array.from(blocks) },
        10_000 * i,
      );
    });
    engine.advance(Number.POSITIVE_INFINITY, []);
    expect(held.size).toBeGreaterThan(0);
    for (let block = 0; block <= 10; block += 1) expect(engine.cache.has(block)).toBe(held.has(block));
    expect([parents.get(1), parents.get(2), parents.get(4), parents.get(10)]).toEqual([undefined, 1, 2, 9]);
  });
});
