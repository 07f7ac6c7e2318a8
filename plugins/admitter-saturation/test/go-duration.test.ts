import { describe, expect, it } from "vitest";
import { parseGoDuration } from "../src/go-duration.ts";

describe("parseGoDuration", () => {
  it.each([
    ["200ms", 200],
    ["1.5s", 1_500],
    ["1m30s", 90_000],
    ["2h", 7_200_000],
    [".5s", 500],
    ["250us", 0.25],
    ["250µs", 0.25],
    ["0s", 0],
  ])("%s is %d ms", (text, ms) => {
    expect(parseGoDuration(text)).toBeCloseTo(ms, 9);
  });

  it.each(["", "200", "ms", "-1s", "1 s", "1d", "1s ", "1.2.3s"])("%j is no duration", (text) => {
    expect(parseGoDuration(text)).toBeNaN();
  });
});
