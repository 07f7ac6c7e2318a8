import { type DataKey, defineAttribute, defineRequestKey, from } from "@pointsman/plugin-api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkDataFlow, type DataFlow } from "../src/graph/check-data-flow.ts";
import { orderByDependency } from "../src/graph/order-by-dependency.ts";

describe("ordering by dependency", () => {
  const order = (graph: Readonly<Record<string, readonly string[]>>) =>
    orderByDependency(Object.keys(graph), (name) => graph[name]!);

  it("makes levels: each after all it depends on, in the given order within a level", () => {
    expect(order({ d: ["b", "c"], c: ["a"], b: ["a"], a: [], e: [] })).toEqual({
      levels: [["a", "e"], ["c", "b"], ["d"]],
    });
  });

  it("does not mind dependencies that are not there", () => {
    expect(order({ a: ["stranger"] })).toEqual({ levels: [["a"]] });
    expect(order({})).toEqual({ levels: [] });
  });

  it("names a circle from a member back to itself, without those that only wait for it", () => {
    expect(order({ waits: ["a"], a: ["b"], b: ["c"], c: ["a"], free: [] })).toEqual({ cycle: ["a", "b", "c", "a"] });
    expect(order({ a: ["a"] })).toEqual({ cycle: ["a", "a"] });
  });

  it("respects every dependency of any graph without circles, and finds a real circle in any other", () => {
    const graphs = fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(graphs, (edges) => {
        const graph = Object.fromEntries(edges.map((list, i) => [String(i), list.map(String)]));
        const result = order(graph);
        if ("cycle" in result) {
          expect(result.cycle.length).toBeGreaterThan(1);
          expect(result.cycle.at(-1)).toBe(result.cycle[0]);
          result.cycle.slice(1).forEach((name, i) => {
            expect(graph[result.cycle[i]!]).toContain(name);
          });
          return;
        }
        const level = new Map(result.levels.flatMap((names, at) => names.map((name) => [name, at] as const)));
        expect(level.size).toBe(edges.length);
        for (const [name, list] of Object.entries(graph)) {
          for (const other of list) {
            if (other in graph) expect(level.get(other)!).toBeLessThan(level.get(name)!);
          }
        }
      }),
    );
  });
});

describe("the data flow between plugins", () => {
  const Load = defineAttribute({ id: "test/load", major: 1, kind: "f64", unit: "1", maxAgeMs: 1 });
  const Session = defineRequestKey<string>({ id: "test/session", major: 1 });

  const flow = (
    name: string,
    parts: Partial<Record<"required" | "optional" | "writes", readonly DataKey[]>>,
  ): DataFlow => ({
    entry: { name, type: "example" },
    required: [],
    optional: [],
    writes: [],
    ...parts,
  });
  const check = (...flows: DataFlow[]) => {
    const result = checkDataFlow(flows, ({ name }) => ["plugins", name]);
    return {
      missing: result.missing.map(({ reader, key }) => [reader.entry.name, key.key]),
      problems: result.diagnostics.map(({ code, message }) => [code, message]),
      result,
    };
  };

  it("is fine where each key has one writer", () => {
    const flows = [
      flow("reader", { required: [Load], optional: [Session] }),
      flow("writer", { writes: [Load, Session] }),
    ];
    expect(check(...flows)).toMatchObject({ missing: [], problems: [] });
  });

  it("lacks a writer only for keys that are required", () => {
    expect(check(flow("reader", { required: [Load], optional: [Session] }))).toMatchObject({
      missing: [["reader", "test/load@1"]],
      problems: [],
    });
  });

  it("needs a choice between two writers, for optional keys too", () => {
    const writers = [flow("one", { writes: [Load] }), flow("two", { writes: [Load] })];
    const { problems, result } = check(flow("reader", { optional: [Load] }), ...writers);
    const text = "reader reads test/load@1, which several instances write.";
    expect(problems).toEqual([["POINTSMAN_GRAPH_TWO_WRITERS", text]]);
    expect(result.diagnostics[0]).toMatchObject({
      path: ["plugins", "reader"],
      notes: [{ text: "one" }, { text: "two" }],
    });
    expect(check(flow("reader", { required: [from(Load, "two")] }), ...writers)).toMatchObject({ problems: [] });
    // Two writers that nobody reads from do no harm.
    expect(check(...writers)).toMatchObject({ problems: [] });
  });

  it("does not count one instance twice that lists a key twice", () => {
    const flows = [flow("reader", { required: [Load] }), flow("writer", { writes: [Load, from(Load, "x")] })];
    expect(check(...flows)).toMatchObject({ problems: [] });
  });

  it("refuses a choice of somebody who does not write", () => {
    const { problems } = check(
      flow("reader", { required: [from(Load, "nobody")] }),
      flow("writer", { writes: [Load] }),
    );
    const text = 'reader wants test/load@1 from "nobody", which does not write it.';
    expect(problems).toEqual([["POINTSMAN_GRAPH_REFERENCE_UNKNOWN", text]]);
  });

  it.each([
    [defineAttribute({ id: "test/load", major: 1, kind: "string", unit: "1", maxAgeMs: 1 }), "string per endpoint"],
    [
      defineAttribute({ id: "test/load", major: 1, kind: "f64", scope: "request", unit: "1", maxAgeMs: 1 }),
      "f64 per request",
    ],
    [defineRequestKey({ id: "test/load", major: 1 }), "request key"],
  ])("refuses two meanings of one key", (other, kind) => {
    const { problems, result } = check(flow("one", { writes: [Load] }), flow("two", { optional: [other] }));
    const text = `test/load@1 is "f64 per endpoint" for one and "${kind}" for two.`;
    expect(problems).toEqual([["POINTSMAN_GRAPH_ATTRIBUTE_KIND_CONFLICT", text]]);
    expect(result.diagnostics[0]!.path).toEqual(["plugins", "two"]);
  });

  it("takes another major version for another key", () => {
    const next = defineAttribute({ id: "test/load", major: 2, kind: "string", unit: "1", maxAgeMs: 1 });
    expect(check(flow("one", { writes: [Load] }), flow("two", { required: [next] })).missing).toEqual([
      ["two", "test/load@2"],
    ]);
  });
});
