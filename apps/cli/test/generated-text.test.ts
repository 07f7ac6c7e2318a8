import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { replaceOptions } from "../src/docs/marked-section.ts";
import { renderJson } from "../src/docs/render-json.ts";

describe("Generated JSON", () => {
  it("says the same as JSON.stringify, whatever the value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(renderJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("has short lists on one line, and long ones and objects on several", () => {
    const long = "x".repeat(120);
    expect(renderJson({ a: ["b", ["c"], {}], d: [{ e: 1 }], f: [long], g: [], h: undefined })).toBe(
      `{\n  "a": ["b", ["c"], {}],\n  "d": [\n    {\n      "e": 1\n    }\n  ],\n  "f": [\n    "${long}"\n  ],\n  "g": []\n}\n`,
    );
  });

  it("fills lines with long lists of numbers", () => {
    const lines = renderJson(Array.from({ length: 60 }, (_, i) => i)).split("\n");
    expect(lines).toHaveLength(5);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});

describe("The option section of a README", () => {
  const section = "<!-- options:start -->\n\nnew\n\n<!-- options:end -->";

  it("replaces what stands between the markers and nothing else", () => {
    const text = "# T\n\n<!-- options:start -->\nold | $& | old\n<!-- options:end -->\n\nAfter.\n";
    expect(replaceOptions(text, "new")).toEqual({ text: `# T\n\n${section}\n\nAfter.\n` });
  });

  it("comes at the end of a text that has no markers, once", () => {
    const once = replaceOptions("# T\n", "new");
    expect(once).toEqual({ text: `# T\n\n## Options\n\n${section}\n` });
    expect(replaceOptions("text" in once ? once.text : "", "new")).toEqual(once);
  });

  it.each([
    ["a missing end", "<!-- options:start -->"],
    ["two starts", "<!-- options:start --><!-- options:start --><!-- options:end -->"],
    ["an end before the start", "<!-- options:end --><!-- options:start -->"],
  ])("is left alone with %s", (_, text) => {
    expect(replaceOptions(text, "new")).toEqual({ fault: expect.any(String) });
  });
});
