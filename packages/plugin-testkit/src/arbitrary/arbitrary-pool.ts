import type { Attribute } from "@pointsman/plugin-api";
import * as standardKeys from "@pointsman/plugin-api/keys";
import fc from "fast-check";
import { type AttributeValue, createTestPool, type TestEndpoint, type TestPool } from "../test-pool.ts";

export interface ArbitraryPoolOptions {
  /** Attributes that endpoints may have. Default: all standard ones. `json` attributes stay unknown. */
  readonly attributes?: readonly Attribute[];
  /** Fewest endpoints. Default 1: nobody is asked about an empty pool. */
  readonly min?: number;
  /** Most endpoints. Default 12. */
  readonly max?: number;
  /** `some` (the default): values may be unknown; `all`: every endpoint has a value of every attribute. */
  readonly known?: "some" | "all";
}

/** The attributes of `@pointsman/plugin-api/keys`. */
export const standardAttributes: readonly Attribute[] = (Object.values(standardKeys) as readonly unknown[]).filter(
  (key): key is Attribute => (key as Partial<Attribute>).$$type === "pointsman/attribute",
);

const labels = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  { "llm-d.ai/role": "decode" },
  { "llm-d.ai/role": "prefill" },
  { "llm-d.ai/role": "prefill-decode", zone: "a" },
  { zone: "b", tier: "" },
);

/** Values that an attribute can have by its contract: kind and unit say which. */
export function arbitraryValue({ kind, unit }: Attribute): fc.Arbitrary<unknown> | undefined {
  switch (kind) {
    case "f64":
      return unit === "ratio"
        ? fc.oneof(fc.constantFrom(0, 1, 0.5), fc.double({ min: 0, max: 1, noNaN: true }))
        : fc.oneof(fc.constantFrom(0, 1), fc.nat(200), fc.nat(10_000_000));
    case "set":
      return fc.subarray(["m", "adapter-1", "adapter-2", "other"]).map((names) => new Set(names));
    case "string":
      return fc.string({ maxLength: 12 });
    default:
      return undefined;
  }
}

/** Any table of endpoints, as plain data: two pools made of one sample are equal. */
export function arbitraryEndpoints(options: ArbitraryPoolOptions = {}): fc.Arbitrary<readonly TestEndpoint[]> {
  const { attributes = standardAttributes, min = 1, max = 12, known = "some" } = options;
  const values = attributes.flatMap((attribute) => {
    const value = arbitraryValue(attribute);
    if (value === undefined) return [];
    const given: fc.Arbitrary<AttributeValue> = value.map((sample) => ({ attribute, value: sample }));
    return [known === "all" ? given : fc.option(given, { nil: undefined, freq: 4 })];
  });
  const endpoint = fc.record({
    labels,
    attributes: fc.tuple(...values).map((list) => list.filter((value) => value !== undefined)),
  });
  // Names and addresses stay with the endpoint when a sample is put in another order.
  return fc
    .array(endpoint, { minLength: min, maxLength: max })
    .map((list) =>
      list.map((sample, i): TestEndpoint => ({ ...sample, name: `pod-${i}`, host: `192.168.1.${i + 1}` })),
    );
}

/** Any pool on the production datastore. */
export function arbitraryPool(options: ArbitraryPoolOptions = {}): fc.Arbitrary<TestPool> {
  return arbitraryEndpoints(options).map((endpoints) => createTestPool(endpoints));
}
