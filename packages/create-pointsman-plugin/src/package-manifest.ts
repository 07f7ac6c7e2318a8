import type { Language } from "./kinds.ts";
import type { Names } from "./names.ts";
import type { KindFacts, Versions } from "./template-files.ts";

const PLUGIN_API = "@pointsman/plugin-api";

/**
 * The `package.json` of a new plugin: the keys of Pointsman's own plugins in their order, and the scripts, which ours
 * have in the workspace.
 */
export function packageManifest(names: Names, language: Language, facts: KindFacts, versions: Versions): object {
  const isTypeScript = language === "ts";
  return {
    name: names.packageName,
    version: "0.1.0",
    description: facts.description,
    license: "Apache-2.0",
    type: "module",
    engines: { node: ">=20.19" },
    exports: {
      ".": entry("index", isTypeScript),
      ...(facts.keys === true ? { "./keys": entry("keys", isTypeScript) } : {}),
      "./package.json": "./package.json",
    },
    files: [isTypeScript ? "dist" : "src", "schema"],
    keywords: ["pointsman-plugin"],
    scripts: {
      build: isTypeScript ? "tsc && pointsman docs" : "pointsman docs",
      dev: "node dev/dev.mjs",
      test: "npm run build && vitest run",
      check: isTypeScript ? "tsc && tsc -p test && pointsman test-plugin ." : "pointsman test-plugin .",
      bench: `${isTypeScript ? "tsc && " : ""}node bench/${names.type}.bench.js`,
      prepack: "npm run build",
    },
    pointsman: {
      manifest: 1,
      types: {
        [names.type]: {
          capabilities: facts.capabilities,
          description: facts.description,
          configSchema: `./schema/${names.type}.json`,
          reads: { required: facts.reads, optional: facts.readsOptional ?? [] },
          writes: facts.writes.map((key) => key.replace("__OWNER__", names.owner)),
          aliases: [],
          stability: "beta",
        },
      },
    },
    dependencies: isTypeScript ? rangesOf(["zod"], versions) : {},
    // Literal: the package manager checks it at install, the host again at start.
    peerDependencies: { [PLUGIN_API]: "^1.0.0" },
    devDependencies: rangesOf(
      [
        PLUGIN_API,
        "@pointsman/plugin-testkit",
        ...(isTypeScript ? ["@types/node"] : []),
        "pointsman",
        "tinybench",
        ...(isTypeScript ? ["typescript"] : []),
        "vitest",
      ],
      versions,
    ),
  };
}

function entry(file: string, isTypeScript: boolean): object {
  const folder = isTypeScript ? "dist" : "src";
  return { types: `./${folder}/${file}.d.ts`, default: `./${folder}/${file}.js` };
}

function rangesOf(names: readonly string[], { own, others }: Versions): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.map((name) => {
      const range = own[name] ?? others[name];
      if (range === undefined) throw new Error(`template/versions.json has no ${name}`);
      return [name, range];
    }),
  );
}
