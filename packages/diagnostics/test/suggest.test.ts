import { describe, expect, it } from "vitest";
import { suggest } from "../src/index.ts";

const types = ["queue-scorer", "prefix-cache-scorer", "max-score-picker", "random-picker", "weighted-random-picker"];

describe("suggestions", () => {
  it("find swapped, missing and wrong letters, whatever the case", () => {
    expect(suggest("prefix-cahce-scorer", types)).toEqual(["prefix-cache-scorer"]);
    expect(suggest("queuescorer", types)).toEqual(["queue-scorer"]);
    expect(suggest("Random-Picker", types)).toEqual(["random-picker"]);
  });

  it("count a swap of neighbours as one edit", () => {
    // Two swaps fit into the limit of 2 for a short name, four single edits would not.
    expect(suggest("abdcfe", ["abcdef"])).toEqual(["abcdef"]);
    expect(suggest("xbxdxf", ["abcdef"])).toEqual([]);
  });

  it("name the nearest first and at most three", () => {
    expect(suggest("scoref", ["scorers", "scored", "scores", "scorer", "picker"])).toEqual([
      "scored",
      "scorer",
      "scores",
    ]);
  });

  it("never invent a name, never answer with the name itself, and say nothing about what is too far", () => {
    expect(suggest("queue-scorer", types)).toEqual([]);
    expect(suggest("affinity", types)).toEqual([]);
    expect(suggest("ab", ["xy", "cd"])).toEqual([]);
    expect(suggest("", types)).toEqual([]);
  });

  it("do not compare endless names", () => {
    expect(suggest("x".repeat(1_000_000), ["x".repeat(1_000_001)])).toEqual([]);
  });
});
