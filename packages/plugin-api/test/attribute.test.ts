import { describe, expect, it } from "vitest";
import { type AttributeSpec, defineAttribute, defineRequestKey, from } from "../src/index.ts";

const spec: AttributeSpec<"f64"> = { id: "example/value", major: 2, kind: "f64", unit: "ms", maxAgeMs: 500 };

describe("defineAttribute", () => {
  it("identifies an attribute by id and major, so that two definitions mean the same", () => {
    const one = defineAttribute(spec);
    const other = defineAttribute({ ...spec, unit: "s", description: "another package's words" });
    expect(one.key).toBe("example/value@2");
    expect(other.key).toBe(one.key);
    expect(one.source).toBe(one.key);
    expect(one.scope).toBe("endpoint");
  });

  it("makes frozen plain data, so that another copy of the package can read it", () => {
    const attribute = defineAttribute(spec);
    expect(Object.isFrozen(attribute)).toBe(true);
    expect(structuredClone(attribute)).toEqual(attribute);
  });

  it.each([
    ["value", /must be owner\/name in kebab-case/],
    ["Example/value", /must be owner\/name in kebab-case/],
    ["example/va lue", /must be owner\/name in kebab-case/],
    ["example/value/more", /must be owner\/name in kebab-case/],
    ["/value", /must be owner\/name in kebab-case/],
  ])("refuses the id %j", (id, message) => {
    expect(() => defineAttribute({ ...spec, id: id as "a/b" })).toThrow(message);
    expect(() => defineRequestKey({ id: id as "a/b", major: 1 })).toThrow(message);
  });

  it.each([0, -1, 1.5, Number.NaN, "1" as never])("refuses the major %j", (major) => {
    expect(() => defineAttribute({ ...spec, major })).toThrow("example/value: major must be a positive integer");
    expect(() => defineRequestKey({ id: spec.id, major })).toThrow("example/value: major must be a positive integer");
  });

  it.each([0, -5, Number.NaN, undefined as never])("refuses the maximum age %j", (maxAgeMs) => {
    expect(() => defineAttribute({ ...spec, maxAgeMs })).toThrow("attribute example/value: maxAgeMs must be above 0");
  });

  it("refuses a kind that does not exist", () => {
    const kind = "f32" as "f64";
    expect(() => defineAttribute({ ...spec, kind })).toThrow('attribute example/value: there is no kind "f32"');
  });
});

describe("from()", () => {
  it("changes where a value is looked up, not what it is", () => {
    const attribute = defineAttribute(spec);
    const chosen = from(attribute, "fast-scraper");
    expect(chosen.source).toBe("example/value@2#fast-scraper");
    expect({ ...chosen, source: "" }).toEqual({ ...attribute, source: "" });
    expect(Object.isFrozen(chosen)).toBe(true);
    expect(attribute.source).toBe("example/value@2");
  });

  it("replaces an earlier choice", () => {
    expect(from(from(defineAttribute(spec), "a"), "b").source).toBe("example/value@2#b");
  });
});
