import { describe, expect, it } from "vitest";
import { type DecisionRecord, sizeOfRecord } from "../src/decisions/decision-record.ts";
import { DecisionRing } from "../src/decisions/decision-ring.ts";

function record(requestId: string): DecisionRecord {
  return {
    requestId,
    at: 0,
    api: "openai-chat",
    model: "m",
    targetModel: "m",
    priority: 0,
    decidedInMs: 0,
    schedulingMs: 0,
    decision: undefined,
    addresses: [],
    updatedAt: new Float64Array(0),
    refusal: undefined,
    served: undefined,
    status: undefined,
    outcome: undefined,
    proxied: undefined,
  };
}

const idsOf = (ring: DecisionRing): string[] => [...ring.newest()].map(({ requestId }) => requestId);

describe("the decision ring", () => {
  it("keeps the last decisions, newest first", () => {
    const ring = new DecisionRing({ limit: 3, maxBytes: 1e6 });
    for (const id of ["a", "b", "c", "d", "e"]) ring.add(record(id));
    expect(idsOf(ring)).toEqual(["e", "d", "c"]);
    expect(ring.size).toBe(3);
  });

  it("is bounded in bytes too", () => {
    const bytes = sizeOfRecord(record("a"));
    const ring = new DecisionRing({ limit: 100, maxBytes: 2.5 * bytes });
    for (const id of ["a", "b", "c"]) ring.add(record(id));
    expect(idsOf(ring)).toEqual(["c", "b"]);
  });

  it("leaves out a decision that alone is too large, and empties nothing for it needlessly", () => {
    const ring = new DecisionRing({ limit: 10, maxBytes: sizeOfRecord(record("a")) });
    ring.add(record("a"));
    ring.add(record("x".repeat(10_000)));
    expect(idsOf(ring)).toEqual([]);
    ring.add(record("b"));
    expect(idsOf(ring)).toEqual(["b"]);
  });

  it("keeps nothing at limit 0", () => {
    const ring = new DecisionRing({ limit: 0, maxBytes: 1e6 });
    ring.add(record("a"));
    expect(ring.size).toBe(0);
  });

  it("finds every record of an id that clients repeat", () => {
    const ring = new DecisionRing({ limit: 10, maxBytes: 1e6 });
    for (const id of ["same", "other", "same"]) ring.add(record(id));
    expect(ring.find("same")).toHaveLength(2);
    expect(ring.find("missing")).toEqual([]);
  });
});
