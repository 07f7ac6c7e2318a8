import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Benchmarks, and the data they share with tests. */
const isBenchFile = (url) => /\/(bench|test)\/[^/]+\.ts$/.test(url ?? "");

export function resolve(specifier, context, nextResolve) {
  if (!isBenchFile(context.parentURL) || !specifier.startsWith("../src/")) return nextResolve(specifier, context);
  return nextResolve(specifier.replace("../src/", "../dist/").replace(/\.ts$/, ".js"), context);
}

export function load(url, context, nextLoad) {
  if (!isBenchFile(url)) return nextLoad(url, context);
  const { outputText } = ts.transpileModule(readFileSync(fileURLToPath(url), "utf8"), {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: false,
    },
  });
  return { format: "module", source: outputText, shortCircuit: true };
}
