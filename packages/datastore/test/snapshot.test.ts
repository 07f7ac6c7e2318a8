import { defineAttribute, from } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { createPool, endpoint, Models, Queue, Zone } from "./pool.ts";

const scraper = { writer: "scraper" };

describe("a snapshot", () => {
  it("does not change when something is written, expires, or leaves", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    const before = datastore.snapshot();
    const column = before.column(Queue);
    clock.now += 1_000;
    datastore.write("default/a", Queue, 2, scraper);
    datastore.write("default/b", Queue, 3, scraper);
    datastore.setReady("default/c", false);
    datastore.replace([endpoint("b")]);
    clock.now += 60_000;
    datastore.snapshot();
    expect([...column]).toEqual([1, Number.NaN, Number.NaN]);
    expect(before.column(Queue)).toBe(column);
    expect(before.endpoints.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(before.endpoints[0]?.get(Queue)).toBe(1);
    expect(before.readyCount).toBe(3);
  });

  it("is the same object until something is written, expires, or the pool changes", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    const first = datastore.snapshot();
    clock.now += 2_000;
    expect(datastore.snapshot()).toBe(first);
    clock.now += 1;
    const expired = datastore.snapshot();
    expect(expired).not.toBe(first);
    expect(datastore.snapshot()).toBe(expired);
    datastore.write("default/b", Queue, 1, scraper);
    const written = datastore.snapshot();
    expect(written).not.toBe(expired);
    datastore.setReady("default/b", true);
    expect(datastore.snapshot()).toBe(written);
    datastore.replace([endpoint("a")]);
    expect(datastore.snapshot()).not.toBe(written);
  });

  it("shares the columns that did not change with the one before", () => {
    const { datastore } = createPool();
    const Other = defineAttribute({ id: "test/other", major: 1, kind: "f64", unit: "1", maxAgeMs: 1_000 });
    datastore.bind(Queue, "scraper");
    datastore.bind(Other, "scraper");
    const before = datastore.snapshot();
    datastore.write("default/a", Queue, 1, scraper);
    const after = datastore.snapshot();
    expect(after.column(Other)).toBe(before.column(Other));
    expect(after.column(Queue)).not.toBe(before.column(Queue));
  });

  it("describes endpoints in the order in which discovery gave them", () => {
    const { datastore } = createPool([]);
    datastore.replace([
      endpoint("z", { namespace: "blue", host: "10.0.0.9", port: 80, rank: 2, labels: { role: "decode" } }),
      endpoint("a", { host: "[fd00::1]" }),
    ]);
    const [first, second] = datastore.snapshot().endpoints;
    expect(first).toMatchObject({ id: "blue/z", namespace: "blue", name: "z", address: "10.0.0.9:80", rank: 2 });
    expect(first?.labels).toEqual({ role: "decode" });
    expect(second).toMatchObject({ id: "default/a", address: "[fd00::1]:8000", host: "fd00::1", rank: 0 });
  });

  it("cannot be changed through the labels of an endpoint", () => {
    const labels = { role: "decode" };
    const { datastore } = createPool([]);
    datastore.replace([endpoint("a", { labels })]);
    labels.role = "prefill";
    const seen = datastore.snapshot().endpoints[0]!.labels;
    expect(seen).toEqual({ role: "decode" });
    expect(() => Object.assign(seen, { role: "prefill" })).toThrow(TypeError);
  });
});

describe("unknown values", () => {
  it("are NaN in columns and undefined on endpoints, whether never written, not bound, or written as NaN", () => {
    const { datastore } = createPool();
    expect([...datastore.snapshot().column(Queue)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 0, scraper);
    datastore.write("default/b", Queue, Number.NaN, scraper);
    const { endpoints } = datastore.snapshot();
    expect(endpoints.map((each) => each.get(Queue))).toEqual([0, undefined, undefined]);
    expect(endpoints.map((each) => each.get(Models))).toEqual([undefined, undefined, undefined]);
    expect(endpoints.map((each) => each.ageMs(Queue))).toEqual([0, 0, undefined]);
  });

  it("stay unknown for another major version of the attribute", () => {
    const { datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 7, scraper);
    const next = defineAttribute({ id: "test/queue", major: 2, kind: "f64", unit: "requests", maxAgeMs: 2_000 });
    expect(datastore.snapshot().endpoints[0]?.get(next)).toBeUndefined();
  });

  it("do not depend on the attribute's object", () => {
    const { datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 7, scraper);
    const same = defineAttribute({ id: "test/queue", major: 1, kind: "f64", unit: "requests", maxAgeMs: 2_000 });
    expect(datastore.snapshot().endpoints[0]?.get(same)).toBe(7);
    expect(datastore.snapshot().column(same)[0]).toBe(7);
  });
});

describe("staleness", () => {
  it("begins beyond the maximum age where values follow events", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "counter");
    datastore.write("default/a", Queue, 1, { writer: "counter" });
    clock.now += 2_000;
    expect(datastore.snapshot().endpoints[0]?.get(Queue)).toBe(1);
    clock.now += 1;
    // Nothing was written: time alone makes it unknown.
    expect(datastore.snapshot().endpoints[0]?.get(Queue)).toBeUndefined();
    expect(datastore.snapshot().column(Queue)[0]).toBeNaN();
  });

  it.each([
    { intervalMs: 50, allowedMs: 2_000 },
    { intervalMs: 1_000, allowedMs: 3_000 },
    { intervalMs: 10_000, allowedMs: 30_000 },
  ])("begins beyond $allowedMs ms where a scraper writes every $intervalMs ms", ({ intervalMs, allowedMs }) => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, { writer: "scraper", intervalMs });
    clock.now += allowedMs;
    expect(datastore.snapshot().endpoints[0]?.get(Queue)).toBe(1);
    clock.now += 1;
    expect(datastore.snapshot().endpoints[0]?.get(Queue)).toBeUndefined();
  });

  it("comes for each endpoint and attribute by itself", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.bind(Models, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    datastore.write("default/a", Models, new Set(["m"]), scraper);
    clock.now += 1_500;
    datastore.write("default/b", Queue, 2, scraper);
    clock.now += 1_000;
    const { endpoints } = datastore.snapshot();
    expect(endpoints.map((each) => each.get(Queue))).toEqual([undefined, 2, undefined]);
    expect(endpoints[0]?.get(Models)).toEqual(new Set(["m"]));
  });

  it("never comes where the maximum age is infinite, and ends with the next write", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Zone, "labels");
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Zone, "north", { writer: "labels" });
    datastore.write("default/a", Queue, 1, scraper);
    clock.now += 1e12;
    expect(datastore.snapshot().endpoints[0]?.get(Zone)).toBe("north");
    expect(datastore.snapshot().endpoints[0]?.get(Queue)).toBeUndefined();
    datastore.write("default/a", Queue, 2, scraper);
    expect(datastore.snapshot().endpoints[0]?.get(Queue)).toBe(2);
  });

  it("leaves the age readable, counted to the moment of the question and not to that of the snapshot", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    const snapshot = datastore.snapshot();
    clock.now += 1_900;
    expect(datastore.snapshot()).toBe(snapshot);
    expect(snapshot.endpoints[0]?.ageMs(Queue)).toBe(1_900);
    clock.now += 5_000;
    expect(datastore.snapshot().endpoints[0]?.ageMs(Queue)).toBe(6_900);
  });
});

describe("two writers of one attribute", () => {
  it("keep their values apart; from() chooses, and without it the first one bound is read", () => {
    const { datastore } = createPool();
    datastore.bind(Queue, "slow");
    datastore.bind(Queue, "fast");
    datastore.write("default/a", Queue, 1, { writer: "slow" });
    datastore.write("default/a", Queue, 2, { writer: "fast" });
    datastore.write("default/b", Queue, 3, { writer: "fast" });
    const snapshot = datastore.snapshot();
    const [a, b] = snapshot.endpoints;
    expect([a?.get(from(Queue, "slow")), a?.get(from(Queue, "fast")), a?.get(Queue)]).toEqual([1, 2, 1]);
    expect([b?.get(from(Queue, "fast")), b?.get(Queue)]).toEqual([3, undefined]);
    expect([...snapshot.column(from(Queue, "fast"))]).toEqual([2, 3, Number.NaN]);
    expect(a?.get(from(Queue, "nobody"))).toBeUndefined();
  });
});

describe("the writers that count", () => {
  it("decide whose value the plain attribute is; values of one that comes back are still known", () => {
    const { datastore } = createPool();
    for (const writer of ["old", "new"]) datastore.bind(Queue, writer);
    const read = () => datastore.snapshot().endpoints[0]?.get(Queue);
    datastore.write("default/a", Queue, 1, { writer: "old" });
    datastore.write("default/a", Queue, 2, { writer: "new" });
    expect(read()).toBe(1);
    datastore.useWriters([{ key: Queue.key, writer: "new" }]);
    expect(read()).toBe(2);
    datastore.useWriters([]);
    expect(read()).toBeUndefined();
    expect(datastore.snapshot().endpoints[0]?.get(from(Queue, "new"))).toBe(2);
    datastore.useWriters([{ key: Queue.key, writer: "old" }]);
    expect(read()).toBe(1);
  });
});
