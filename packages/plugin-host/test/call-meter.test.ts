import { expect, it } from "vitest";
import { CallMeter } from "../src/guard/call-meter.ts";

it("gives percentiles within a factor of two, from microseconds to minutes", () => {
  const meter = new CallMeter();
  expect(meter.quantileMs(0.5)).toBe(0);
  for (let i = 0; i < 98; i += 1) meter.observe(0.003);
  meter.observe(40);
  meter.observe(60_000);
  expect(meter.quantileMs(0.5)).toBeGreaterThanOrEqual(0.003);
  expect(meter.quantileMs(0.5)).toBeLessThanOrEqual(0.006);
  expect(meter.quantileMs(0.99)).toBeGreaterThanOrEqual(40);
  expect(meter.quantileMs(0.99)).toBeLessThanOrEqual(80);
  expect(meter.quantileMs(1)).toBe(60_000);
});
