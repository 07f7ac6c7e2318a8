import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration, parseQuantity, ValueFault } from "../src/index.ts";

describe("quantities, as Kubernetes writes them", () => {
  it.each([
    ["10485760", 10_485_760],
    ["10Mi", 10_485_760],
    ["10MiB", 10_485_760],
    ["20M", 20_000_000],
    ["20MB", 20_000_000],
    ["0", 0],
    ["1.5Gi", 1_610_612_736],
    ["0.1M", 100_000],
    ["1.1G", 1_100_000_000],
    ["2e6", 2_000_000],
    ["1E", undefined],
    ["1k", 1_000],
    ["5000", 5_000],
  ])("%s is %s", (text, value) => {
    if (value === undefined) expect(() => parseQuantity(text)).toThrow("too large");
    else expect(parseQuantity(text)).toBe(value);
  });

  it.each([
    ["10invalid", 'unknown unit "invalid"'],
    ["abc", "is not a quantity"],
    ["-10Mi", "is negative"],
    ["10Ei", "is too large"],
    ["10K", 'unknown unit "K"'],
    ["10B", 'unknown unit "B"'],
    ["1e3Mi", "unknown unit"],
    ["0.5", "is not a whole number"],
    ["0.0000000001", "is not a whole number"],
    ["10 Mi", "is not a quantity"],
    ["", "is empty"],
    ["NaN", "is not a quantity"],
    ["1constructor", 'unknown unit "constructor"'],
    ["9".repeat(1_000_000), "is not a quantity"],
  ])("%s is refused", (text, fault) => {
    expect(() => parseQuantity(text)).toThrow(fault);
  });
});

describe("durations, as Go writes them", () => {
  it.each([
    ["50ms", 50],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["0", 0],
    ["0s", 0],
    ["100us", 0.1],
    ["100µs", 0.1],
    ["1h0m0.5s", 3_600_500],
    [".5s", 500],
  ])("%s is %s ms", (text, value) => {
    expect(parseDuration(text)).toBeCloseTo(value, 9);
  });

  it.each([
    ["50", "has no unit; write 50ms or 50s"],
    ["1d", 'unknown unit "d"'],
    ["-5s", "is negative"],
    ["5 s", "is not a duration"],
    ["s", "is not a duration"],
    ["1m30", "is not a duration"],
    ["", "is empty"],
    ["9999999999999h", "is too long"],
    ["1toString", "unknown unit"],
  ])("%s is refused", (text, fault) => {
    expect(() => parseDuration(text)).toThrow(fault);
  });
});

it("any other text ends in a number or a ValueFault, and nothing else", () => {
  const piece = fc.constantFrom("1", "9", ".", "-", "e", "E", "m", "s", "h", "K", "M", "i", "B", " ", "µ", "x");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
        fc.string(),
      ),
      (text) => {
        for (const parse of [parseDuration, parseQuantity]) {
          try {
            const value = parse(text);
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
          } catch (fault) {
            if (!(fault instanceof ValueFault)) throw fault;
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
