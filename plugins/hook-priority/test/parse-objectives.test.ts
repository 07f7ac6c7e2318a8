import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseObjectives } from "../src/parse-objectives.ts";

describe("parseObjectives", () => {
  it("reads YAML and JSON alike", () => {
    const expected = {
      objectives: new Map([
        ["chat", 10],
        ["batch", -1],
      ]),
    };
    expect(parseObjectives("objectives:\n  chat: 10\n  batch: -1\n")).toEqual(expected);
    expect(parseObjectives('{"objectives": {"chat": 10, "batch": -1}}')).toEqual(expected);
    expect(parseObjectives("objectives: {}")).toEqual({ objectives: new Map() });
  });

  it("accepts the whole range of 32 bits and no more", () => {
    expect(parseObjectives("objectives: {a: 2147483647, b: -2147483648}")).toHaveProperty("objectives");
    expect(parseObjectives("objectives: {a: 2147483648}")).toHaveProperty("problems");
    expect(parseObjectives("objectives: {a: -2147483649}")).toHaveProperty("problems");
  });

  it.each<[string, string, number, RegExp]>([
    ["an empty file, as when it is being rewritten", "", 1, /expected `objectives:`/],
    ["a list", "- a\n- b\n", 1, /expected `objectives:`/],
    ["another field", "# head\npriorities:\n  a: 1\n", 2, /unknown field priorities/],
    ["a field beside it", "objectives: {a: 1}\nversion: 2\n", 2, /unknown field version/],
    ["no map", "objectives:\n  - a\n", 2, /must map names to priorities/],
    ["a word as priority", "objectives:\n  a: 1\n  b: high\n", 3, /priority of b must be an integer/],
    ["a fraction", "objectives:\n  a: 1.5\n", 2, /priority of a/],
    ["a quoted number", 'objectives:\n  a: "1"\n', 2, /priority of a/],
    ["no priority", "objectives:\n  a:\n", 2, /priority of a/],
    ["a repeated name", "objectives:\n  a: 1\n  a: 2\n", 3, /a is listed twice/],
    ["a repeated field", "objectives: {a: 1}\nobjectives: {b: 2}\n", 2, /there twice/],
    ["broken syntax", "objectives:\n  a: [1\n", 3, /./],
  ])("refuses %s, with the line", (_, text, line, message) => {
    const parsed = parseObjectives(text);
    expect(parsed).toHaveProperty("problems");
    const [problem] = "problems" in parsed ? parsed.problems : [];
    expect(problem!.message).toMatch(message);
    expect(problem!.line).toBe(line);
  });

  it("reports all problems of a file", () => {
    const parsed = parseObjectives("objectives:\n  a: x\n  b: 1\n  c: y\n");
    expect("problems" in parsed && parsed.problems.map(({ line }) => line)).toEqual([2, 4]);
  });

  it("never throws", () => {
    const pieces = fc.constantFrom(
      "objectives",
      ":",
      " ",
      "\n",
      "{",
      "}",
      "a",
      "1",
      "-",
      "&x",
      "*x",
      "[",
      "!!int",
      '"',
      "?",
      "<<",
      "#",
      "\t",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const parsed = parseObjectives(parts.join(""));
        expect("problems" in parsed ? parsed.problems.length > 0 : parsed.objectives instanceof Map).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
