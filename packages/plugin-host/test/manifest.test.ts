import { describe, expect, it } from "vitest";
import { checkApiRange } from "../src/load/api-compatibility.ts";
import { parseManifest } from "../src/resolve/manifest.ts";
import type { PluginPackage } from "../src/resolve/plugin-package.ts";

const queue = { capabilities: ["scorer"] };

/** Code and message of each problem; the manifest where there is none. */
function parse(value: unknown) {
  const { manifest, diagnostics } = parseManifest(value, "example");
  if (manifest !== undefined) return manifest;
  return diagnostics.map(({ code, message }) => `${code.replace("POINTSMAN_PLUGIN_", "")}: ${message}`);
}

describe("a manifest", () => {
  it("is taken as it is, with members that this host does not know", () => {
    const manifest = {
      manifest: 1,
      generatedBy: "a later tool",
      types: {
        "queue-scorer": {
          ...queue,
          configSchema: "./schema.json",
          reads: { required: ["pointsman/waiting-requests@1"] },
          writes: [],
          aliases: ["queue"],
          stability: "alpha",
          deprecated: { since: "1.1.0" },
          color: "green",
        },
      },
    };
    expect(parse(manifest)).toBe(manifest);
  });

  it.each([undefined, 0, 2, "1", null])("with the number %j is not known", (number) => {
    expect(parse({ manifest: number, types: 3 })).toEqual([
      `MANIFEST_UNSUPPORTED: example has a manifest of version ${JSON.stringify(number)}; this host knows version 1.`,
    ]);
  });

  it.each<[unknown, string]>([
    ["text", "`pointsman` must be an object"],
    [[], "`pointsman` must be an object"],
    [{ manifest: 1 }, "`types` must be an object with at least one type"],
    [{ manifest: 1, types: {} }, "`types` must be an object with at least one type"],
    [{ manifest: 1, types: { a: null } }, "`types.a` must be an object"],
    [{ manifest: 1, types: { a: {} } }, "`types.a.capabilities` must be a list of names"],
    [{ manifest: 1, types: { a: { ...queue, aliases: "b" } } }, "`types.a.aliases` must be a list of names"],
    [{ manifest: 1, types: { a: { ...queue, configSchema: {} } } }, "`types.a.configSchema` must be a path"],
    [{ manifest: 1, types: { a: { ...queue, writes: {} } } }, "`types.a.writes` must be a list of keys"],
    [{ manifest: 1, types: { a: { ...queue, reads: [] } } }, "`types.a.reads` must be an object with lists of keys"],
    [
      { manifest: 1, types: { a: { ...queue, reads: { required: "x" } } } },
      "`types.a.reads` must be an object with lists of keys",
    ],
    [
      { manifest: 1, types: { a: { ...queue, stability: "Alpha" } } },
      '`types.a.stability` must be "alpha", "beta" or "stable"',
    ],
    [
      { manifest: 1, types: { a: { ...queue, deprecated: true } } },
      "`types.a.deprecated` must be an object with `since`",
    ],
    [
      { manifest: 1, types: { a: { ...queue, deprecated: null } } },
      "`types.a.deprecated` must be an object with `since`",
    ],
  ])("%j is wrong", (value, what) => {
    expect(parse(value)).toEqual([`MANIFEST_INVALID: The manifest of example is wrong: ${what}.`]);
  });

  it("shows all its mistakes at once", () => {
    const types = { a: { capabilities: ["scoror", "scorer"], aliases: [1] }, b: 1, c: queue };
    expect(parse({ manifest: 1, types })).toEqual([
      'CAPABILITY_UNKNOWN: example declares the capability "scoror" for a, which this host does not know.',
      "MANIFEST_INVALID: The manifest of example is wrong: `types.a.aliases` must be a list of names.",
      "MANIFEST_INVALID: The manifest of example is wrong: `types.b` must be an object.",
    ]);
  });
});

describe("the peer range on the plugin API", () => {
  const check = (apiRange: string | undefined, implemented = ["2.3.0", "1.9.0"]) => {
    const found = checkApiRange({ name: "example", version: "4.0.0", apiRange } as PluginPackage, {}, implemented);
    return found === undefined ? "fits" : `${found.severity} ${found.message} ${found.hint ?? ""}`.trim();
  };

  it.each(["^2.0.0", "^2.3.0", "^1.0.0", "1.x || 2.x", "*", ">=1.5.0"])(
    "%s fits the newest or the previous major",
    (range) => {
      expect(check(range)).toBe("fits");
    },
  );

  it("that wants more than this host has asks for a newer host", () => {
    for (const range of ["^2.4.0", "^3.0.0"]) {
      expect(check(range)).toBe(
        `error example 4.0.0 needs @pointsman/plugin-api ${range}; this host implements 2.3.0 and 1.9.0. ` +
          `Upgrade pointsman to a version that implements plugin API ${range}, or install an older example.`,
      );
    }
  });

  it("that is too old asks for a newer plugin", () => {
    expect(check("~1.2.0")).toBe(
      "error example 4.0.0 needs @pointsman/plugin-api ~1.2.0; this host implements 2.3.0 and 1.9.0. " +
        "Upgrade example to a version whose peer range admits 2.3.0.",
    );
  });
});
