import { describe, expect, it } from "vitest";
import { RedisBreaker } from "../../src/redis/breaker.ts";
import { redisLayouts, withoutPort } from "../../src/redis/layouts.ts";
import { longestPrefixes } from "../../src/redis/longest-prefix.ts";
import { foldRuns, readRuns } from "../../src/redis/lookup-script.ts";

const holder = (pod: string, tier = "gpu") => ({ pod, tier, speculative: false, group: undefined });
const run = (blocks: number, ...holders: ReturnType<typeof holder>[]) => ({ blocks, holders });

describe("the longest prefixes", () => {
  it("need the first block, and end at the first hole", () => {
    const prefixes = longestPrefixes([
      run(2, holder("a"), holder("b")),
      run(3, holder("a"), holder("c")),
      run(1, holder("b"), holder("c"), holder("a")),
    ]);
    expect([...prefixes]).toEqual([
      ["a", { blocks: 6, weighted: 6 }],
      ["b", { blocks: 2, weighted: 2 }],
    ]);
    expect(longestPrefixes([]).size).toBe(0);
  });

  it("weigh each block by its best tier; a tier without a weight counts in full", () => {
    const prefixes = longestPrefixes([
      run(2, holder("a", "gpu"), holder("a", "cpu"), holder("b", "cpu")),
      run(1, holder("a", "cpu"), holder("b", "disk")),
      run(1, holder("a", "")),
    ]);
    expect(prefixes.get("a")).toEqual({ blocks: 4, weighted: 2 + 0.8 + 1 });
    expect(prefixes.get("b")).toEqual({ blocks: 3, weighted: 1.6 + 1 });
    const weights = new Map([["cpu", 0.1]]);
    expect(longestPrefixes([run(2, holder("b", "cpu"))], weights).get("b")!.weighted).toBeCloseTo(0.2);
  });
});

describe("fields of a block", () => {
  it("of today's llm-d are read back as they were written, and anything else is none", () => {
    const { head } = redisLayouts;
    for (const group of [undefined, 0, 3]) {
      const entry = { pod: 'we"ird<pod>', tier: "cpu", speculative: true, group };
      expect(head.parseField(head.field(entry))).toEqual(entry);
    }
    for (const field of [
      "",
      "10.0.0.1:8000",
      "{",
      "null",
      "[]",
      "7",
      "{}",
      '{"PodIdentifier":""}',
      '{"PodIdentifier":1}',
    ]) {
      expect(head.parseField(field), field).toBeUndefined();
    }
  });

  it("of older ones name pods by address", () => {
    expect(redisLayouts["v0.2"].parseField("ns/pod@GPU")).toMatchObject({ pod: "ns/pod", tier: "gpu" });
    expect(redisLayouts["v0.2"].parseField("@gpu")).toBeUndefined();
    expect(redisLayouts["v0.2"].parseField("10.0.0.1")).toBeUndefined();
    for (const [field, pod] of [
      ["10.0.0.1", "10.0.0.1"],
      ["10.0.0.1:8000", "10.0.0.1"],
      ["fd00::1", "fd00::1"],
      ["[fd00::1]:8000", "fd00::1"],
    ] as const) {
      expect(redisLayouts["v0.1"].parseField(field)).toMatchObject({ pod, tier: "" });
      expect(withoutPort(field)).toBe(pod);
    }
    expect(redisLayouts["v0.1"].parseField('{"PodIdentifier":"x"}')).toBeUndefined();
  });
});

describe("runs", () => {
  it("are folded from single blocks as the script folds them, up to the first that nobody has", () => {
    expect(foldRuns([["a", "b"], ["b", "a"], ["a"], [], ["a"]])).toMatchObject([
      { blocks: 2, fields: ["a", "b"] },
      { blocks: 1, fields: ["a"] },
    ]);
    expect(readRuns([2, ["a"], 1, ["b"]])).toEqual([
      { blocks: 2, fields: ["a"] },
      { blocks: 1, fields: ["b"] },
    ]);
  });

  it.each([[null], ["OK"], [7], [[1]], [["x", ["a"]]], [[0, ["a"]]], [[1, "a"]], [[1, [7]]], [[1, null]]])(
    "are not read from %j",
    (reply) => {
      expect(() => readRuns(reply)).toThrow(TypeError);
    },
  );
});

describe("the breaker", () => {
  it("opens after failures in a row, asks once after a pause that doubles, and closes at a success", () => {
    let now = 0;
    const states: string[] = [];
    const breaker = new RedisBreaker({
      threshold: 2,
      coolDownMs: 100,
      now: () => now,
      onChange: (state) => states.push(state),
    });
    breaker.fail();
    breaker.succeed();
    breaker.fail();
    expect(breaker.allows()).toBe(true);
    breaker.fail();
    expect(breaker.allows()).toBe(false);
    // A call that was under way before does not change it any more.
    breaker.succeed();
    expect(breaker.state).toBe("open");
    now = 100;
    expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
    breaker.fail();
    now = 299;
    expect(breaker.allows()).toBe(false);
    now = 300;
    expect(breaker.allows()).toBe(true);
    breaker.succeed();
    expect(breaker.allows()).toBe(true);
    expect(states).toEqual(["open", "probing", "open", "probing", "closed"]);
  });
});
