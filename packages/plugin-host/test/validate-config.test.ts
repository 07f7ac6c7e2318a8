import { type ConfigSchema, jsonSchema, type StandardSchema } from "@pointsman/plugin-api";
import { afterEach, describe, expect, it, vi } from "vitest";
import { validateConfig } from "../src/index.ts";

const details = { origin: "it", path: ["plugins", 2, "parameters"] };

/** The config, or the code, path below the parameters, message and notes of each problem. */
function validate(schema: ConfigSchema | undefined, parameters: unknown) {
  const result = validateConfig(schema, parameters, "it", details);
  if ("config" in result) return result.config;
  return result.diagnostics.map(({ code, message, path, notes }) => ({
    code: code.replace("POINTSMAN_PLUGIN_", ""),
    path: path?.slice(3).join("."),
    message,
    ...(notes === undefined || notes.length === 0 ? {} : { notes: notes.map(({ text }) => text) }),
  }));
}

function standard(check: (value: unknown) => unknown): StandardSchema {
  return { "~standard": { version: 1, vendor: "test", validate: check as never } };
}

const full = jsonSchema({
  type: "object",
  properties: {
    name: { type: "string" },
    full: { type: "number", minimum: 1, default: 64 },
    nested: { type: "object", properties: { depth: { type: "integer" } }, additionalProperties: false },
    list: { type: "array", items: { type: "string" } },
  },
  required: ["name"],
  additionalProperties: false,
});

describe("without a schema", () => {
  it("there are no parameters, and each one given is a problem", () => {
    expect(validate(undefined, undefined)).toEqual({});
    expect(validate(undefined, null)).toEqual({});
    expect(validate(undefined, {})).toEqual({});
    expect(validate(undefined, { a: 1, b: 2 })).toEqual([
      { code: "CONFIG_INVALID", path: "a", message: "it: a: this type takes no parameters" },
      { code: "CONFIG_INVALID", path: "b", message: "it: b: this type takes no parameters" },
    ]);
  });
});

describe("a JSON Schema", () => {
  it("fills in defaults, in a copy", () => {
    const given = { name: "x" };
    expect(validate(full, given)).toEqual({ name: "x", full: 64 });
    expect(given).toEqual({ name: "x" });
  });

  it("reports every problem with its path", () => {
    expect(validate(full, { full: 0, list: ["a", 1], nested: { depth: 1.5 } })).toEqual([
      { code: "CONFIG_INVALID", path: "", message: "it: parameters: must have required property 'name'" },
      { code: "CONFIG_INVALID", path: "full", message: "it: full: must be >= 1" },
      { code: "CONFIG_INVALID", path: "nested.depth", message: "it: nested.depth: must be integer" },
      { code: "CONFIG_INVALID", path: "list.1", message: "it: list.1: must be string" },
    ]);
  });

  it("suggests parameters of the same level for one that does not exist", () => {
    expect(validate(full, { name: "x", fulll: 1, nested: { dept: 1, ful: 2 } })).toEqual([
      { code: "CONFIG_INVALID", path: "fulll", message: "it: fulll: unknown parameter", notes: ["full"] },
      { code: "CONFIG_INVALID", path: "nested.dept", message: "it: nested.dept: unknown parameter", notes: ["depth"] },
      { code: "CONFIG_INVALID", path: "nested.ful", message: "it: nested.ful: unknown parameter" },
    ]);
  });

  it("is given an empty object where the configuration says nothing", () => {
    expect(validate(jsonSchema({ type: "object", properties: { a: { default: 1 } } }), undefined)).toEqual({ a: 1 });
  });

  it("that does not compile is the plugin's fault", () => {
    expect(validate(jsonSchema({ type: "objekt" }), {})).toEqual([
      {
        code: "CONFIG_SCHEMA_INVALID",
        path: "",
        message: expect.stringMatching(
          /^The config schema of it is no valid JSON Schema: schema is invalid: .*allowed/,
        ),
      },
    ]);
  });

  it("that answers asynchronously is refused", () => {
    expect(validate(jsonSchema({ $async: true, type: "object" }), {})).toEqual([
      {
        code: "CONFIG_ASYNC",
        path: "",
        message: "The config schema of it validates asynchronously, which a host cannot wait for.",
      },
    ]);
  });

  it("may have the $id of another one", () => {
    const one = jsonSchema({ $id: "https://example.com/config", properties: { a: { type: "string" } } });
    const other = jsonSchema({ $id: "https://example.com/config", properties: { a: { type: "number" } } });
    expect(validate(one, { a: "x" })).toEqual({ a: "x" });
    expect(validate(other, { a: 1 })).toEqual({ a: 1 });
    expect(validate(one, { a: "x" })).toEqual({ a: "x" });
  });

  describe("with a format", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    afterEach(() => void warn.mockClear());

    it("is not judged by it, and prints nothing", () => {
      expect(validate(jsonSchema({ properties: { a: { format: "uri" } } }), { a: "no uri" })).toEqual({ a: "no uri" });
      expect(warn).not.toHaveBeenCalled();
    });
  });
});

describe("a Standard Schema", () => {
  it("gives what it gives out, not what it was given", () => {
    expect(
      validate(
        standard(() => ({ value: { port: 80 } })),
        { port: "80" },
      ),
    ).toEqual({ port: 80 });
  });

  it("may be a function", () => {
    const schema = Object.assign(
      () => {},
      standard((value) => ({ value })),
    );
    expect(validate(schema, { a: 1 })).toEqual({ a: 1 });
  });

  it("reports every issue with its path, whatever form the path has", () => {
    const issues = [
      { message: "too small", path: ["a", 1, { key: "b" }] },
      { message: "bad", path: undefined },
      // As zod reports keys that its object does not know.
      { message: "Unrecognized keys", path: ["c"], keys: ["x", "y"] },
    ];
    expect(
      validate(
        standard(() => ({ issues })),
        {},
      ),
    ).toEqual([
      { code: "CONFIG_INVALID", path: "a.1.b", message: "it: a.1.b: too small" },
      { code: "CONFIG_INVALID", path: "", message: "it: parameters: bad" },
      { code: "CONFIG_INVALID", path: "c.x", message: "it: c.x: unknown parameter" },
      { code: "CONFIG_INVALID", path: "c.y", message: "it: c.y: unknown parameter" },
    ]);
  });

  it.each<[string, unknown, string]>([
    ["throws", () => assertNever(), "The config schema of it threw: Error: no"],
    ["returns nothing", () => undefined, "The config schema of it returned undefined instead of a result."],
  ])("that %s is the plugin's fault", (_, check, message) => {
    expect(validate(standard(check as never), {})).toEqual([{ code: "CONFIG_SCHEMA_INVALID", path: "", message }]);
  });

  it("that validates asynchronously is refused, and its rejection is nobody's trouble", async () => {
    const message = "The config schema of it validates asynchronously, which a host cannot wait for.";
    expect(
      validate(
        standard(async () => assertNever()),
        {},
      ),
    ).toEqual([{ code: "CONFIG_ASYNC", path: "", message }]);
    await new Promise((resolve) => setImmediate(resolve));
  });
});

it.each([null, "string", 1])("a schema that is %j is the plugin's fault", (schema) => {
  const kind = schema === null ? "null" : typeof schema;
  expect(validate(schema as never, {})).toEqual([
    { code: "CONFIG_SCHEMA_INVALID", path: "", message: `The config schema of it is ${kind}.` },
  ]);
});

it("problems of an entry that stands in no file have no path", () => {
  const result = validateConfig(undefined, { a: 1 }, "it", { origin: "it" });
  expect(result).toMatchObject({ diagnostics: [{ origin: "it" }] });
  expect("diagnostics" in result && "path" in result.diagnostics[0]!).toBe(false);
});

function assertNever(): never {
  throw new Error("no");
}
