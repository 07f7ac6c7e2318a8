import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { parseInputSchema } from "../src/docs/input-schema.ts";

const { z } = createRequire(new URL("../../../plugins/scorer-load/package.json", import.meta.url))("zod");

describe("The input schema of a plugin's config", () => {
  it("is what may be written: options with a default are not required", () => {
    const { schema } = parseInputSchema(z.strictObject({ a: z.number().default(1).describe("An a."), b: z.string() }));
    expect(schema).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: { a: { type: "number", default: 1, description: "An a." }, b: { type: "string" } },
      required: ["b"],
      additionalProperties: false,
    });
  });

  it("is the input side of a transformation", () => {
    const { schema } = parseInputSchema(z.strictObject({ at: z.string().transform((text: string) => text.length) }));
    expect(schema).toMatchObject({ properties: { at: { type: "string" } } });
  });

  it("cannot be made of types that JSON lacks, and names every place", () => {
    const config = z.strictObject({
      outer: z.strictObject({ when: z.date() }),
      list: z.array(z.union([z.string(), z.bigint()])),
      map: z.record(z.string(), z.map(z.string(), z.string())),
    });
    expect(parseInputSchema(config).faults?.toSorted()).toEqual([
      "list[]: BigInt cannot be represented in JSON Schema",
      "map.*: Map cannot be represented in JSON Schema",
      "outer.when: Date cannot be represented in JSON Schema",
    ]);
  });

  it("is a plain JSON Schema as it is, in the one dialect", () => {
    const config = { type: "object", "~config": undefined, $schema: "https://json-schema.org/draft/2020-12/schema#" };
    expect(parseInputSchema(config).schema).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
    });
  });

  it("cannot be made of a JSON Schema that is no JSON, and says where", () => {
    const config = { properties: { a: { default: Number.NaN } } };
    expect(parseInputSchema(config).faults).toEqual(["properties.a.default in the schema is no JSON: NaN"]);
    const loop: { properties: object } = { properties: {} };
    Object.assign(loop.properties, { again: loop });
    expect(parseInputSchema(loop).faults).toEqual(["properties.again.properties contains itself"]);
  });

  it("cannot be made of a library that has no words for it", () => {
    const config = { "~standard": { version: 1, vendor: "other", validate: (value: unknown) => ({ value }) } };
    expect(parseInputSchema(config).faults).toEqual([expect.stringContaining("schemas of other cannot say")]);
  });

  it("reports an error of the library instead of passing it on", () => {
    const input = () => {
      throw new RangeError("no such target");
    };
    const config = { "~standard": { version: 1, vendor: "other", jsonSchema: { input } } };
    expect(parseInputSchema(config).faults).toEqual(["no such target"]);
  });

  it("is absent for a type without parameters", () => {
    expect(parseInputSchema(undefined)).toEqual({});
  });
});
