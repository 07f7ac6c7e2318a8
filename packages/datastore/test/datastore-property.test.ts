import { from } from "@pointsman/plugin-api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPool, endpoint, Queue, Zone } from "./pool.ts";

/** What one writer said about one endpoint. */
interface Entry {
  readonly value: unknown;
  readonly at: number;
  readonly allowedMs: number;
}

/** The datastore in its simplest form: a map per endpoint, nothing shared, everything computed when asked. */
class Model {
  endpoints: { name: string; port: number; ready: boolean; entries: Map<string, Entry> }[] = [];

  replace(wanted: readonly { name: string; port: number }[]): void {
    this.endpoints = wanted.map(({ name, port }) => {
      const old = this.endpoints.find((each) => each.name === name && each.port === port);
      return old ?? { name, port, ready: true, entries: new Map() };
    });
  }

  read(index: number, source: string, now: number): unknown {
    const entry = this.endpoints[index]?.entries.get(source);
    return entry === undefined || now - entry.at > entry.allowedMs ? undefined : entry.value;
  }
}

const name = fc.constantFrom("a", "b", "c", "d", "e");
const writer = fc.constantFrom("one", "two");
const step = fc.oneof(
  fc.record({
    kind: fc.constant("write" as const),
    name,
    writer,
    value: fc.integer({ min: 0, max: 9 }),
    intervalMs: fc.constantFrom(undefined, 50, 1_000),
  }),
  fc.record({ kind: fc.constant("zone" as const), name, value: fc.constantFrom("north", "south") }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(0, 1, 500, 1_999, 2_000, 2_001, 3_001) }),
  fc.record({ kind: fc.constant("ready" as const), name, ready: fc.boolean() }),
  fc.record({
    kind: fc.constant("replace" as const),
    endpoints: fc.uniqueArray(fc.record({ name, port: fc.constantFrom(8000, 9000) }), {
      selector: (each) => each.name,
    }),
  }),
);

describe("any sequence of writes, waits and changes of the pool", () => {
  it("reads as a naive model says, in the latest snapshot and, unchanged, in earlier ones", () => {
    const sources = [from(Queue, "one"), from(Queue, "two"), Queue];
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { clock, datastore } = createPool([]);
        const model = new Model();
        datastore.bind(Queue, "one");
        datastore.bind(Queue, "two");
        datastore.bind(Zone, "one");
        const dump = () => {
          const snapshot = datastore.snapshot();
          return {
            snapshot,
            read: () =>
              snapshot.endpoints.map((each) => [...sources.map((source) => each.get(source)), each.get(Zone)]),
          };
        };
        const earlier: { read: () => unknown; was: unknown }[] = [];
        for (const each of steps) {
          if (each.kind === "wait") clock.now += each.ms;
          else if (each.kind === "replace") {
            datastore.replace(each.endpoints.map(({ name: id, port }) => endpoint(id, { port })));
            model.replace(each.endpoints);
          } else {
            const known = model.endpoints.find((candidate) => candidate.name === each.name);
            const id = `default/${each.name}`;
            let done: boolean;
            if (each.kind === "ready") {
              done = datastore.setReady(id, each.ready);
              if (known !== undefined) known.ready = each.ready;
            } else if (each.kind === "zone") {
              done = datastore.write(id, Zone, each.value, { writer: "one" });
              known?.entries.set(Zone.key, { value: each.value, at: clock.now, allowedMs: Infinity });
            } else {
              const { intervalMs } = each;
              const options = { writer: each.writer, ...(intervalMs === undefined ? {} : { intervalMs }) };
              done = datastore.write(id, Queue, each.value, options);
              const allowedMs = Math.max(2_000, 3 * (intervalMs ?? 0));
              known?.entries.set(`${Queue.key}#${each.writer}`, { value: each.value, at: clock.now, allowedMs });
            }
            expect(done).toBe(known !== undefined);
          }
          const { snapshot, read } = dump();
          const expected = model.endpoints.map((_, row) => [
            model.read(row, `${Queue.key}#one`, clock.now),
            model.read(row, `${Queue.key}#two`, clock.now),
            model.read(row, `${Queue.key}#one`, clock.now),
            model.read(row, Zone.key, clock.now),
          ]);
          expect(read()).toEqual(expected);
          expect([...snapshot.column(sources[1]!)]).toEqual(expected.map(([, two]) => two ?? Number.NaN));
          expect([...snapshot.ready]).toEqual(model.endpoints.map(({ ready }) => (ready ? 1 : 0)));
          earlier.push({ read, was: expected });
        }
        for (const { read, was } of earlier) expect(read()).toEqual(was);
      }),
      { numRuns: 150 },
    );
  });
});
