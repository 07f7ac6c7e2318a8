import type { EndpointChange, EndpointSpec } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { Datastore } from "../src/index.ts";
import { createPool, endpoint, Models, Queue, Zone } from "./pool.ts";

const scraper = { writer: "scraper" };

function names(change: EndpointChange) {
  return { added: change.added.map(({ id }) => id), removed: change.removed.map(({ id }) => id) };
}

describe("replacing the endpoints", () => {
  it("keeps what is known about endpoints of the same id and address, wherever they stand in the list", () => {
    const { datastore } = createPool();
    for (const attribute of [Queue, Models, Zone]) datastore.bind(attribute, "scraper");
    datastore.write("default/c", Queue, 3, { writer: "scraper", intervalMs: 50 });
    datastore.write("default/c", Models, new Set(["m"]), scraper);
    datastore.write("default/a", Zone, "north", scraper);
    datastore.setReady("default/c", false);
    datastore.replace([endpoint("c", { labels: { new: "label" } }), endpoint("d"), endpoint("a")]);
    const snapshot = datastore.snapshot();
    const [c, d, a] = snapshot.endpoints;
    expect([c?.get(Queue), c?.get(Models), c?.labels]).toEqual([3, new Set(["m"]), { new: "label" }]);
    expect([d?.get(Queue), d?.get(Models), d?.get(Zone)]).toEqual([undefined, undefined, undefined]);
    expect(a?.get(Zone)).toBe("north");
    expect([...snapshot.ready]).toEqual([0, 1, 1]);
    expect([...snapshot.updatedAt]).toEqual([1_000_000, Number.NaN, Number.NaN]);
  });

  it("forgets an endpoint whose address changed, and one that left and came back", () => {
    const { datastore } = createPool(["a", "b"]);
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    datastore.write("default/b", Queue, 2, scraper);
    datastore.setReady("default/b", false);
    datastore.replace([endpoint("a", { port: 9000 })]);
    datastore.replace([endpoint("a", { port: 9000 }), endpoint("b")]);
    expect([...datastore.snapshot().column(Queue)]).toEqual([Number.NaN, Number.NaN]);
    expect([...datastore.snapshot().ready]).toEqual([1, 1]);
  });

  it.each<[string, EndpointSpec[], string]>([
    ["two names", [endpoint("x"), endpoint("x", { port: 1 })], "two endpoints are named default/x"],
    [
      "two addresses",
      [endpoint("x", { host: "::1" }), endpoint("y", { host: "[::1]" })],
      "endpoints default/x and default/y have the same address [::1]:8000",
    ],
    ["an entry without a name", [endpoint("x"), endpoint("")], "an endpoint needs a name"],
    ["an entry without a host", [endpoint("x", { host: "" })], "endpoint default/x: host is missing"],
    ["a host with a path", [endpoint("x", { host: "h/p" })], 'endpoint default/x: "h/p" is no host'],
    ["a host with a port", [endpoint("x", { host: "h:80" })], 'endpoint default/x: "h:80" is no host'],
    ["half a bracket", [endpoint("x", { host: "[::1" })], 'endpoint default/x: "[::1" is no host'],
    ["port 0", [endpoint("x", { port: 0 })], "endpoint default/x: port must be 1 to 65535, got 0"],
    ["a port as text", [endpoint("x", { port: "80" as never })], "port must be 1 to 65535, got 80"],
  ])("refuses %s and changes nothing", (_, specs, message) => {
    const { datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    const before = datastore.snapshot();
    const changes: EndpointChange[] = [];
    datastore.onChange((change) => changes.push(change));
    expect(() => datastore.replace([endpoint("fine"), ...specs])).toThrow(TypeError);
    expect(() => datastore.replace([endpoint("fine"), ...specs])).toThrow(message);
    expect(datastore.snapshot()).toBe(before);
    expect(changes).toEqual([]);
  });

  it("lets one name occur in two namespaces", () => {
    const { datastore } = createPool([]);
    datastore.replace([endpoint("x"), endpoint("x", { namespace: "blue", port: 8001 })]);
    expect(datastore.snapshot().endpoints.map(({ id }) => id)).toEqual(["default/x", "blue/x"]);
  });

  it("counts as loaded from the first set on, even an empty one, but not after a refused one", () => {
    const datastore = new Datastore({ now: () => 0 });
    expect(datastore.loaded).toBe(false);
    expect(() => datastore.replace([endpoint("")])).toThrow(TypeError);
    expect(datastore.loaded).toBe(false);
    datastore.replace([]);
    expect(datastore.loaded).toBe(true);
  });
});

describe("changes of the pool", () => {
  it("are told once they are applied, with the endpoints that joined and left", () => {
    const { datastore } = createPool(["a", "b"]);
    const seen: unknown[] = [];
    datastore.onChange((change) => seen.push([names(change), datastore.snapshot().size]));
    datastore.replace([endpoint("b"), endpoint("c"), endpoint("d")]);
    expect(seen).toEqual([[{ added: ["default/c", "default/d"], removed: ["default/a"] }, 3]]);
  });

  it("leave what was known about an endpoint readable when it is removed", () => {
    const { datastore } = createPool(["a"]);
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 4, scraper);
    let last: number | undefined;
    datastore.onChange(({ removed }) => {
      last = removed[0]?.get(Queue);
    });
    datastore.replace([]);
    expect(last).toBe(4);
  });

  it("are both at once for an endpoint with a new address, and none for new labels or another order", () => {
    const { datastore } = createPool(["a", "b"]);
    const seen: unknown[] = [];
    datastore.onChange((change) => seen.push(names(change)));
    datastore.replace([endpoint("b", { labels: { x: "y" } }), endpoint("a")]);
    expect(seen).toEqual([]);
    datastore.replace([endpoint("b"), endpoint("a", { host: "elsewhere" })]);
    expect(seen).toEqual([{ added: ["default/a"], removed: ["default/a"] }]);
  });

  it("are not told any more after unsubscribing, also in the middle of a change", () => {
    const { datastore } = createPool([]);
    const seen: string[] = [];
    const stopFirst = datastore.onChange(() => {
      seen.push("first");
      stopFirst();
    });
    datastore.onChange(() => seen.push("second"));
    datastore.replace([endpoint("a")]);
    datastore.replace([]);
    expect(seen).toEqual(["first", "second", "second"]);
  });
});

describe("writing", () => {
  it("says no for an endpoint that is not in the pool, and for a writer that was not bound", () => {
    const { datastore } = createPool();
    datastore.bind(Queue, "scraper");
    const before = datastore.snapshot();
    expect(datastore.write("default/nobody", Queue, 1, scraper)).toBe(false);
    expect(datastore.write("default/a", Queue, 1, { writer: "stranger" })).toBe(false);
    expect(datastore.write("default/a", Models, new Set(), scraper)).toBe(false);
    expect(datastore.snapshot()).toBe(before);
    expect(datastore.write("default/a", Queue, 1, scraper)).toBe(true);
  });

  it("refuses a value that is not of the attribute's kind", () => {
    const { datastore } = createPool();
    for (const attribute of [Queue, Models, Zone]) datastore.bind(attribute, "scraper");
    const write = (attribute: typeof Queue | typeof Models | typeof Zone, value: unknown) => () =>
      datastore.write("default/a", attribute as typeof Queue, value, scraper);
    expect(write(Queue, "1")).toThrow("attribute test/queue@1 holds f64 values, got string");
    expect(write(Models, ["m"])).toThrow("attribute test/models@1 holds set values, got object");
    expect(write(Zone, undefined)).toThrow("attribute test/zone@1 holds string values, got undefined");
    expect(datastore.snapshot().endpoints[0]?.get(Zone)).toBeUndefined();
  });

  it("reaches attributes that were bound before and after the endpoints came", () => {
    const { datastore } = createPool([]);
    datastore.bind(Queue, "scraper");
    datastore.replace([endpoint("a")]);
    datastore.bind(Zone, "scraper");
    datastore.bind(Zone, "scraper");
    datastore.write("default/a", Queue, 1, scraper);
    datastore.write("default/a", Zone, "north", scraper);
    const { endpoints } = datastore.snapshot();
    expect([endpoints[0]?.get(Queue), endpoints[0]?.get(Zone)]).toEqual([1, "north"]);
  });

  it("remembers when an endpoint was last scraped, and not when something else was written", () => {
    const { clock, datastore } = createPool();
    datastore.bind(Queue, "scraper");
    datastore.write("default/a", Queue, 1, { writer: "scraper", intervalMs: 50 });
    clock.now += 10;
    datastore.write("default/a", Queue, 1, scraper);
    datastore.write("default/b", Queue, 1, scraper);
    expect([...datastore.snapshot().updatedAt]).toEqual([1_000_000, Number.NaN, Number.NaN]);
  });
});

describe("the ready flag", () => {
  it("is set for new endpoints, and belongs to snapshots taken afterwards", () => {
    const { datastore } = createPool();
    const before = datastore.snapshot();
    expect(datastore.setReady("default/b", false)).toBe(true);
    expect(datastore.setReady("default/nobody", false)).toBe(false);
    const after = datastore.snapshot();
    expect([...before.ready]).toEqual([1, 1, 1]);
    expect([...after.ready]).toEqual([1, 0, 1]);
    expect([before.readyCount, after.readyCount]).toEqual([3, 2]);
    datastore.setReady("default/b", true);
    expect(datastore.snapshot().readyCount).toBe(3);
  });
});
