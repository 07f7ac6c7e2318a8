import { InFlightRequests, WaitingRequests } from "@pointsman/plugin-api/keys";
import { expect, it } from "vitest";
import { Datastore } from "../src/index.ts";

it("numbers that never age are read live and cost no new snapshot; the others are as they were", () => {
  const datastore = new Datastore({ now: () => 1_000 });
  datastore.bind(InFlightRequests, "counter");
  datastore.bind(WaitingRequests, "scraper");
  datastore.replace([
    { name: "a", host: "10.0.0.1", port: 1 },
    { name: "b", host: "10.0.0.2", port: 1 },
  ]);
  datastore.write("default/a", WaitingRequests, 1, { writer: "scraper", intervalMs: 50 });
  const snapshot = datastore.snapshot();
  const [a, b] = snapshot.endpoints;
  expect(a!.get(InFlightRequests)).toBeUndefined();
  datastore.write("default/a", InFlightRequests, 7, { writer: "counter" });
  expect(datastore.snapshot()).toBe(snapshot);
  expect(a!.get(InFlightRequests)).toBe(7);
  expect(b!.get(InFlightRequests)).toBeUndefined();
  expect([...snapshot.column(InFlightRequests)]).toEqual([7, Number.NaN]);
  datastore.write("default/a", WaitingRequests, 2, { writer: "scraper", intervalMs: 50 });
  expect(a!.get(WaitingRequests)).toBe(1);
  expect(datastore.snapshot()).not.toBe(snapshot);
});

it("a live column follows the endpoints when the pool changes", () => {
  const datastore = new Datastore({ now: () => 1_000 });
  datastore.bind(InFlightRequests, "counter");
  datastore.replace([
    { name: "a", host: "10.0.0.1", port: 1 },
    { name: "b", host: "10.0.0.2", port: 1 },
  ]);
  datastore.write("default/b", InFlightRequests, 3, { writer: "counter" });
  datastore.replace([
    { name: "b", host: "10.0.0.2", port: 1 },
    { name: "c", host: "10.0.0.3", port: 1 },
  ]);
  expect([...datastore.snapshot().column(InFlightRequests)]).toEqual([3, Number.NaN]);
});
