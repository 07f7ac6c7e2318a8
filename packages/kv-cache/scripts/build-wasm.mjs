/**
 * Compiles `assembly/block-keys.ts` and writes the binary as a base64 constant to `src/keys/block-keys-wasm.ts`.
 * `--check` writes nothing and exits with 1 when the file is not what the source gives. Needs `assemblyscript`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = join(import.meta.dirname, "..", "assembly", "block-keys.ts");
const target = join(import.meta.dirname, "..", "src", "keys", "block-keys-wasm.ts");

/** The text of the generated file. */
export async function buildWasm() {
  const { default: asc } = await import("assemblyscript/asc");
  let binary;
  const { error, stderr } = await asc.main(
    [
      "block-keys.ts",
      "--outFile",
      "block-keys.wasm",
      "--optimizeLevel",
      "3",
      "--shrinkLevel",
      "0",
      "--converge",
      "--runtime",
      "stub",
      "--noAssert",
      "--use",
      "abort=",
      "--initialMemory",
      "6",
      "--maximumMemory",
      "6",
    ],
    {
      readFile: (name) => (name === "block-keys.ts" ? readFileSync(source, "utf8") : null),
      writeFile: (name, contents) => {
        if (name.endsWith(".wasm")) binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  const base64 = Buffer.from(binary).toString("base64");
  const lines = base64.match(/.{1,110}/g).map((line) => `  "${line}",`);
  return `// Generated from assembly/block-keys.ts by scripts/build-wasm.mjs (${binary.length} bytes). Do not edit.\nexport const blockKeysWasm: string = [\n${lines.join("\n")}\n].join("");\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await buildWasm();
  if (process.argv.includes("--check")) {
    if (readFileSync(target, "utf8") !== text) {
      console.error(`${target} is stale: run node packages/kv-cache/scripts/build-wasm.mjs`);
      process.exitCode = 1;
    }
  } else writeFileSync(target, text);
}
