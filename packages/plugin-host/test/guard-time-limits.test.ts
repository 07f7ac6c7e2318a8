import type { RequestView } from "@pointsman/plugin-api";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { candidatesOf, guard } from "./guards.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const request = { id: "request", now: 5_000, deadline: 6_000 } as Partial<RequestView> as RequestView;

it("a preCall hook that never settles has failed when the time for the decision is over", async () => {
  const { guarded, meterOf, breakerOf } = guard({ preCall: () => new Promise(() => {}) }, {}, { breakerThreshold: 2 });
  const calls = [guarded.preCall!(request, {} as never), guarded.preCall!(request, {} as never)];
  await vi.advanceTimersByTimeAsync(999);
  expect(meterOf("preCall").errors).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  await Promise.all(calls);
  expect([meterOf("preCall").errors, String(meterOf("preCall").lastError), breakerOf("preCall").state]).toEqual([
    2,
    "Error: has not settled after 1000 ms",
    "open",
  ]);
});

it.each([
  ["its own limit", { timeoutMs: 70 }, 70],
  ["400 ms", {}, 400],
])("a producer has %s, and what becomes of it afterwards changes nothing", async (_what, more, limitMs) => {
  const settle: { resolve(): void; reject(error: Error): void }[] = [];
  const produce = () => new Promise<void>((resolve, reject) => void settle.push({ resolve, reject }));
  const { guarded, meterOf, breakerOf } = guard({ producer: { ...more, produce } }, {}, { breakerThreshold: 3 });
  const call = () => guarded.producer!.produce(request, candidatesOf(1), {} as never);
  const calls = [call(), call()];
  await vi.advanceTimersByTimeAsync(limitMs);
  await Promise.all(calls);
  settle[0]!.resolve();
  settle[1]!.reject(new Error("too late to matter"));
  await vi.advanceTimersByTimeAsync(0);
  expect([meterOf("producer").errors, meterOf("producer").calls]).toEqual([2, 2]);
  // The late success has not made good the failures: one more opens the circuit.
  const last = call();
  settle[2]!.reject(new Error("boom"));
  await last;
  expect(breakerOf("producer").state).toBe("open");
});

it("nothing is left of the limit of a call that settled", async () => {
  const { guarded, meterOf } = guard({ preCall: async () => {} });
  await guarded.preCall!(request, {} as never);
  expect([vi.getTimerCount(), meterOf("preCall").errors]).toEqual([0, 0]);
});
