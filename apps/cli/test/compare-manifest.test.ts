import { describe, expect, it } from "vitest";
import { compareManifest } from "../src/docs/compare-manifest.ts";
import type { DefinedPackage, Definition } from "../src/docs/load-definitions.ts";

const key = (id: string) => ({ key: `${id}@1` });
const setup = () => ({});

function differences(manifest: object, code: object, types = ["my-scorer"]): readonly string[] {
  const defined = {
    package: { name: "my-plugin", manifest: { types: Object.fromEntries(types.map((type) => [type, manifest])) } },
    definitions: [{ type: "my-scorer", setup, ...code } as Definition],
  };
  return compareManifest(defined as unknown as DefinedPackage).map(({ message }) => message);
}

describe("A manifest", () => {
  it("that says what the code says has no differences, in whatever order", () => {
    const manifest = {
      capabilities: ["scorer"],
      aliases: ["b", "a"],
      reads: { required: ["x/a@1", "x/b@1"] },
      deprecated: { since: "1.2.0" },
      configSchema: "./schema/my-scorer.json",
    };
    const code = {
      aliases: ["a", "b"],
      reads: [key("x/b"), key("x/a")],
      stability: "beta",
      deprecated: { since: "1.2.0" },
      config: { type: "object" },
    };
    expect(differences(manifest, code)).toEqual([]);
  });

  it.each([
    ["aliases", { aliases: ["old"] }, {}],
    ["writes", { writes: [] }, { writes: [key("x/a")] }],
    ["reads.required", { reads: { required: ["x/a@1"] } }, { readsOptional: [key("x/a")] }],
    ["reads.optional", { reads: { optional: ["x/a@1"] } }, {}],
    ["stability", {}, { stability: "alpha" }],
    ["deprecated", {}, { deprecated: { since: "1.0.0" } }],
    ["description", { description: "This" }, { description: "That" }],
    ["configSchema", {}, { config: { type: "object" } }],
    ["configSchema", { configSchema: "./schema/my-scorer.json" }, {}],
  ])("with other %s than the code is named with both values", (member, manifest, code) => {
    expect(differences(manifest, code)).toContainEqual(
      expect.stringContaining(`The manifest of my-plugin differs from its code: types.my-scorer.${member} `),
    );
  });

  it("may list more than the default config reads where the config chooses, but not less", () => {
    const config = { type: "object", properties: { all: { default: false } } };
    const reads = ({ all }: { all: boolean }) => [key("x/a"), ...(all ? [key("x/b")] : [])];
    const schema = { configSchema: "./schema/my-scorer.json" };
    expect(differences({ ...schema, reads: { required: ["x/a@1"], optional: ["x/b@1"] } }, { config, reads })).toEqual(
      [],
    );
    expect(differences({ ...schema, reads: { optional: ["x/b@1"] } }, { config, reads })).toEqual([
      "The manifest of my-plugin differs from its code: types.my-scorer.reads lacks x/a@1.",
    ]);
  });

  it("must name the types that the code defines, and no others", () => {
    expect(differences({}, {}, ["other"])).toEqual([
      'my-plugin declares the type "other" in its manifest, but does not export it.',
      'my-plugin defines the type "my-scorer", which its manifest does not declare.',
    ]);
  });
});
