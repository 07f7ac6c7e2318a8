import fc from "fast-check";
import { expect, it } from "vitest";
import { createTimerHeap, type TimedEntry } from "../src/engine/timer-heap.ts";

it("the timer heap gives back what was not removed, by time and then by order", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.integer({ min: 0, max: 20 }), remove: fc.boolean() })), (plan) => {
      const heap = createTimerHeap<TimedEntry>();
      const entries = plan.map(({ at }, order) => ({ at, order, heapIndex: -1 }));
      for (const entry of entries) heap.push(entry);
      for (const [i, entry] of entries.entries()) {
        if (!plan[i]!.remove) continue;
        heap.remove(entry);
        heap.remove(entry);
      }
      const expected = entries.filter((_, i) => !plan[i]!.remove).sort((a, b) => a.at - b.at || a.order - b.order);
      const popped: TimedEntry[] = [];
      for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) popped.push(entry);
      expect(popped.map(({ order }) => order)).toEqual(expected.map(({ order }) => order));
    }),
  );
});
