import { describe, expectTypeOf, it } from "vitest";
import {
  type Attribute,
  type AttributeSpec,
  type Candidates,
  defineAttribute,
  defineRequestKey,
  type Endpoint,
  type EndpointWriter,
  from,
  type NumberAttribute,
  type ProducerOutput,
  type RequestKey,
  type RequestLocals,
} from "../src/index.ts";
import { ActiveAdapters, SessionId, TokenizedPrompt, WaitingRequests } from "../src/keys.ts";

declare const endpoint: Endpoint;
declare const candidates: Candidates;
declare const write: EndpointWriter;
declare const output: ProducerOutput;
declare const locals: RequestLocals;

const base = { id: "example/value", major: 1, unit: "1", maxAgeMs: 1_000 } as const;
const Zone = defineAttribute({ ...base, kind: "string" });
const Load = defineAttribute<{ readonly cpu: number }>({ ...base, kind: "json" });

describe("the kind of an attribute", () => {
  it("says what its values are", () => {
    expectTypeOf(endpoint.get(WaitingRequests)).toEqualTypeOf<number | undefined>();
    expectTypeOf(endpoint.get(ActiveAdapters)).toEqualTypeOf<ReadonlySet<string> | undefined>();
    expectTypeOf(endpoint.get(Zone)).toEqualTypeOf<string | undefined>();
    expectTypeOf(endpoint.get(Load)).toEqualTypeOf<{ readonly cpu: number } | undefined>();
  });

  it("is checked where values are written", () => {
    write.set(WaitingRequests, 3);
    // @ts-expect-error a count is a number
    write.set(WaitingRequests, "3");
    // @ts-expect-error names are a set
    write.set(ActiveAdapters, ["a"]);
    // @ts-expect-error the member is missing
    output.set(0, Load, {});
  });

  it("must be f64 for a column", () => {
    expectTypeOf(WaitingRequests).toExtend<NumberAttribute>();
    expectTypeOf(candidates.column(WaitingRequests)).toEqualTypeOf<Float64Array>();
    // @ts-expect-error a set has no column
    candidates.column(ActiveAdapters);
    // @ts-expect-error text has no column
    output.column(Zone);
  });

  it("must exist, and the id have an owner", () => {
    // @ts-expect-error there is no such kind
    defineAttribute({ ...base, kind: "f32" });
    // @ts-expect-error owner/name
    const spec: AttributeSpec = { ...base, kind: "f64", id: "value" };
    void spec;
  });
});

describe("from()", () => {
  it("keeps the type of values and the kind", () => {
    expectTypeOf(from(WaitingRequests, "a")).toEqualTypeOf<Attribute<number, "f64">>();
    expectTypeOf(from(ActiveAdapters, "a")).toEqualTypeOf<Attribute<ReadonlySet<string>, "set">>();
    candidates.column(from(WaitingRequests, "a"));
    // @ts-expect-error still a set
    candidates.column(from(ActiveAdapters, "a"));
  });
});

describe("request keys", () => {
  it("type what locals hold", () => {
    expectTypeOf(SessionId).toEqualTypeOf<RequestKey<string>>();
    expectTypeOf(locals.get(TokenizedPrompt)).toEqualTypeOf<Uint32Array | undefined>();
    const Weight = defineRequestKey<number>({ id: "example/weight", major: 1 });
    locals.set(Weight, 1);
    // @ts-expect-error a weight is a number
    locals.set(Weight, "1");
  });
});
