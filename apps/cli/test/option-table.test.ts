import { describe, expect, it } from "vitest";
import { optionRows } from "../src/docs/option-rows.ts";
import { renderOptions, renderTable } from "../src/docs/option-table.ts";

const strict = (properties: object, required: string[] = []) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

describe("The rows of an option table", () => {
  it.each([
    [{ type: "integer", exclusiveMinimum: 0, maximum: 9007199254740991 }, "integer > 0"],
    [{ type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }, "integer"],
    [{ type: "number", minimum: 0, maximum: 1 }, "number 0 … 1"],
    [{ type: "number", exclusiveMinimum: 0, maximum: 1 }, "number > 0, ≤ 1"],
    [{ type: "string", minLength: 1 }, "string, not empty"],
    [{ type: "string", maxLength: 1 }, "string, at most 1 character"],
    [{ type: "string", format: "uri" }, "string (uri)"],
    [{ enum: ["a", "", 3, null] }, '`a`, `""`, `3` or `null`'],
    [{ const: "only" }, "`only`"],
    [{ type: ["string", "number"] }, "string or number"],
    [{ anyOf: [{ type: "number", minimum: 1 }, { type: "string" }] }, "number ≥ 1 or string"],
    [{ anyOf: [strict({}), strict({})] }, "object"],
    [{ type: "array", items: { type: "string" }, minItems: 2, maxItems: 4 }, "list of string, 2 to 4 items"],
    [{ type: "object", additionalProperties: { type: "integer" } }, "map of integer"],
    [{}, "any value"],
  ])("call %j by its type and limits", (option, type) => {
    expect(optionRows(strict({ option }))).toMatchObject([{ name: "option", type }]);
  });

  it("follow nested objects, the items of lists and the values of maps", () => {
    const inner = strict({ leaf: { type: "string", default: "x" } }, ["leaf"]);
    const rows = optionRows(
      strict({
        one: inner,
        many: { type: "array", items: inner },
        each: { type: "object", additionalProperties: inner },
      }),
    );
    expect(rows?.map(({ name }) => name)).toEqual(["one", "one.leaf", "many", "many[].leaf", "each", "each.*.leaf"]);
  });

  it("say what is required, but not of an option that has a default or that an alternative does without", () => {
    const rows = optionRows(
      strict(
        {
          plain: { type: "string" },
          defaulted: { type: "string", default: "a" },
          either: { anyOf: [strict({ left: {} }, ["left"]), strict({ right: {} }, ["right"])] },
        },
        ["plain", "defaulted"],
      ),
    );
    expect(rows?.filter(({ required }) => required).map(({ name }) => name)).toEqual(["plain"]);
  });

  it("follow references and stop where a schema contains itself", () => {
    const rows = optionRows({
      ...strict({ tree: { $ref: "#/$defs/node" } }),
      $defs: { node: { ...strict({ child: { $ref: "#/$defs/node" } }), description: "A node." } },
    });
    expect(rows?.map(({ name, meaning }) => [name, meaning])).toEqual([
      ["tree", "A node."],
      ["tree.child", "A node."],
    ]);
  });

  it("are none for a type that takes nothing, and unknown for one that takes anything", () => {
    expect(optionRows(strict({}))).toEqual([]);
    expect(optionRows({ type: "object" })).toBeUndefined();
  });
});

describe("An option table", () => {
  const row = { name: "a", type: "string", fallback: undefined, required: false, meaning: "" };

  it("shows each option with its default, padded as formatters pad", () => {
    const rows = [
      { ...row, name: "limit", type: "integer ≥ 1", fallback: "128", meaning: "Most requests." },
      { ...row, name: "path", required: true },
    ];
    expect(renderTable(rows)).toBe(
      [
        "| Option  | Type        | Default  | Meaning        |",
        "| ------- | ----------- | -------- | -------------- |",
        "| `limit` | integer ≥ 1 | `128`    | Most requests. |",
        "| `path`  | string      | required |                |",
      ].join("\n"),
    );
  });

  it("lets no text break out of its cell or become HTML", () => {
    const line = renderTable([{ ...row, fallback: '"|"', meaning: "a | b, <script>, `<name>`" }]).split("\n")[2];
    expect(line).toBe('| `a`    | string | `"\\|"`  | a \\| b, &lt;script>, `<name>` |');
  });
});

describe("The options of a package", () => {
  const schema = strict({ n: { type: "integer" } });

  it("have no heading when there is one type", () => {
    expect(renderOptions([{ type: "a", schema: undefined }])).toBe("This type takes no parameters.");
  });

  it("are told per type, and told once when two types have the same", () => {
    const text = renderOptions([
      { type: "a", schema },
      { type: "b", schema: undefined },
      { type: "c", schema: structuredClone(schema) },
      { type: "d", schema: { type: "object" } },
    ]);
    expect(text.split(/\n\n(?=###)/)).toEqual([
      expect.stringMatching(/^### `a`\n\n\| Option/),
      "### `b`\n\nThis type takes no parameters.",
      "### `c`\n\nThe same options as `a`.",
      "### `d`\n\nThis type takes any parameters.",
    ]);
  });
});
