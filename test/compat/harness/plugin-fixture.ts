import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A stranger's scorer that gives every endpoint the same score, so that a decision shows which one ran. */
export interface PluginFixture {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  /** Peer range on the plugin API. */
  readonly apiRange: string;
  readonly score: number;
  readonly form?: "module" | "commonjs" | "transpiled";
}

/** Writes the package, ready to be published. @returns its folder */
export function writePlugin(folder: string, fixture: PluginFixture): string {
  const { name, version, type, apiRange, form = "module" } = fixture;
  const manifest = {
    name,
    version,
    license: "MIT",
    type: form === "module" ? "module" : "commonjs",
    exports: { ".": "./index.js", "./package.json": "./package.json" },
    files: ["index.js"],
    peerDependencies: { "@pointsman/plugin-api": apiRange },
    pointsman: { manifest: 1, types: { [type]: { capabilities: ["scorer"] } } },
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  writeFileSync(join(folder, "index.js"), moduleText(form, fixture));
  return folder;
}

function moduleText(form: NonNullable<PluginFixture["form"]>, fixture: PluginFixture): string {
  const definition = definitionText(fixture);
  switch (form) {
    case "module":
      return `import { definePlugin } from "@pointsman/plugin-api";\n\nexport default ${definition};\n`;
    case "commonjs":
      return `const { definePlugin } = require("@pointsman/plugin-api");\n\nmodule.exports = ${definition};\n`;
    case "transpiled":
      return [
        '"use strict";',
        'Object.defineProperty(exports, "__esModule", { value: true });',
        'const { definePlugin } = require("@pointsman/plugin-api");',
        `exports.default = ${definition};\n`,
      ].join("\n");
  }
}

function definitionText({ type, score }: Pick<PluginFixture, "type" | "score">): string {
  return `definePlugin({
  type: "${type}",
  setup: () => ({
    scorer: {
      score(_request, candidates, scores) {
        scores.fill(${score}, 0, candidates.length);
      },
    },
  }),
})`;
}

/** The same scorer in one JavaScript file, for a config that names a path. */
export function javaScriptFile(type: string, score: number): string {
  return `import { definePlugin } from "@pointsman/plugin-api";\n\nexport default ${definitionText({ type, score })};\n`;
}

/** The same scorer in one TypeScript file. */
export function typeScriptFile(type: string, score: number): string {
  return `import { type Capabilities, definePlugin, type Scorer } from "@pointsman/plugin-api";

const constant: Scorer = {
  score(_request, candidates, scores): void {
    scores.fill(${score} as number, 0, candidates.length);
  },
};

export default definePlugin({ type: "${type}", setup: () => ({ scorer: constant }) satisfies Capabilities });
`;
}
