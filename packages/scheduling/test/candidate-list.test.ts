import { defineAttribute, from } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { CandidateList, RequestColumns } from "../src/index.ts";
import { candidatesOf, namesOf, TestTable } from "./doubles.ts";

const Queue = defineAttribute({ id: "test/queue", major: 1, kind: "f64", unit: "1", maxAgeMs: 1_000 });
const Match = defineAttribute({ id: "test/match", major: 1, kind: "f64", unit: "1", maxAgeMs: 1, scope: "request" });
const Names = defineAttribute({ id: "test/names", major: 1, kind: "set", unit: "1", maxAgeMs: 1, scope: "request" });

describe("candidates", () => {
  it("are an array that plugins cannot change", () => {
    const candidates = candidatesOf(3);
    expect(Array.isArray(candidates)).toBe(true);
    expect(() => (candidates as unknown as unknown[]).push(candidates[0])).toThrow(TypeError);
    expect(() => {
      (candidates as unknown as unknown[])[0] = undefined;
    }).toThrow(TypeError);
    expect(namesOf(candidates)).toEqual(["e0", "e1", "e2"]);
  });

  it("make plain arrays when mapped or filtered, whatever their number", () => {
    for (const size of [0, 1, 5]) {
      const numbers = candidatesOf(size).map(({ port }) => port);
      expect(numbers.constructor).toBe(Array);
      expect(numbers).toEqual(new Array(size).fill(8000));
    }
  });

  it("share the table's column while nobody was removed, and copy the survivors' part once afterwards", () => {
    const table = new TestTable(4);
    table.columns.set(Queue.source, Float64Array.of(5, 6, 7, Number.NaN));
    const all = new CandidateList(table);
    expect(all.column(Queue)).toBe(table.columns.get(Queue.source));
    const some = all.narrow(Uint8Array.of(0, 1, 0, 1));
    expect([...some.column(Queue)]).toEqual([6, Number.NaN]);
    expect(some.column(Queue)).toBe(some.column(Queue));
  });

  it("keep the columns of several writers apart", () => {
    const table = new TestTable(2);
    table.columns.set(from(Queue, "one").source, Float64Array.of(1, 1));
    table.columns.set(from(Queue, "two").source, Float64Array.of(2, 2));
    const some = new CandidateList(table, Uint32Array.of(1));
    expect([...some.column(from(Queue, "one")), ...some.column(from(Queue, "two"))]).toEqual([1, 2]);
  });

  it("do not keep the values of one request for the next", () => {
    const table = new TestTable(3);
    const some = new CandidateList(table, Uint32Array.of(1, 2));
    for (const value of [1, 2]) {
      const columns = new RequestColumns(3);
      columns.publish(Match, "producer", some, Float64Array.of(value, value * 10));
      table.requestValues = columns;
      expect([...some.column(Match)]).toEqual([value, value * 10]);
    }
    table.requestValues = undefined;
    expect([...some.column(Match)]).toEqual([Number.NaN, Number.NaN]);
  });

  it("narrow again and again to rows of the table", () => {
    const once = candidatesOf(6).narrow(Uint8Array.of(1, 0, 1, 1, 0, 1));
    const twice = once.narrow(Uint8Array.of(0, 1, 0, 1));
    expect([...twice.rows!]).toEqual([2, 5]);
    expect(twice.rowOf(1)).toBe(5);
    expect(namesOf(twice)).toEqual(["e2", "e5"]);
    expect(twice.narrow(Uint8Array.of(0, 0))).toHaveLength(0);
  });
});

describe("columns of a request", () => {
  it("cover the whole table, unknown where the producer had no candidate", () => {
    const table = new TestTable(4);
    const columns = new RequestColumns(4);
    columns.publish(Match, "producer", new CandidateList(table, Uint32Array.of(1, 3)), Float64Array.of(7, 9));
    expect([...columns.get(Match.key)!]).toEqual([Number.NaN, 7, Number.NaN, 9]);
  });

  it("belong to the first writer by the plain name, and to each by its own", () => {
    const candidates = candidatesOf(1);
    const columns = new RequestColumns(1);
    columns.publish(Match, "first", candidates, Float64Array.of(1));
    columns.publish(Match, "second", candidates, Float64Array.of(2));
    const read = (source: string) => columns.get(source)?.[0];
    expect(read(Match.source)).toBe(1);
    expect(read(from(Match, "first").source)).toBe(1);
    expect(read(from(Match, "second").source)).toBe(2);
    expect(read(from(Match, "third").source)).toBeUndefined();
  });

  it("hold values of any kind", () => {
    const table = new TestTable(2);
    const columns = new RequestColumns(2);
    columns.publish(Names, "producer", new CandidateList(table, Uint32Array.of(1)), [new Set(["a"])]);
    table.requestValues = columns;
    expect(table.endpoints.map((endpoint) => endpoint.get(Names))).toEqual([undefined, new Set(["a"])]);
  });

  it("are copies: what a producer writes after its time is lost", () => {
    const candidates = candidatesOf(1);
    const columns = new RequestColumns(1);
    const late = Float64Array.of(1);
    columns.publish(Match, "producer", candidates, late);
    late[0] = 99;
    expect([...columns.get(Match.key)!]).toEqual([1]);
  });
});
