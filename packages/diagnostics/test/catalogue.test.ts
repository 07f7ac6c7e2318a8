import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { renderErrorsPage } from "../src/errors-page.ts";
import { catalogue } from "../src/index.ts";

const root = join(import.meta.dirname, "../../..");

describe("the catalogue", () => {
  it("names every code after its area and explains it", () => {
    for (const [code, entry] of Object.entries(catalogue)) {
      expect(code).toMatch(/^POINTSMAN_(?:CONFIG|PLUGIN|GRAPH|CLI|REPLAY|SERVER|SIM)_[A-Z_]*[A-Z]$/);
      for (const text of [entry.title, entry.meaning, entry.mend]) expect(text.trim(), code).not.toBe("");
      expect(entry.exitCode === 0, code).toBe(entry.severity === "warning");
    }
  });

  it("is what ERRORS.md says", () => {
    expect(readFileSync(join(root, "ERRORS.md"), "utf8")).toBe(renderErrorsPage());
  });

  it("contains every code that any source file uses", () => {
    const used = new Map<string, string>();
    for (const file of sourceFiles()) {
      const text = readFileSync(file, "utf8");
      for (const [code] of text.matchAll(/\bPOINTSMAN_[A-Z]+_[A-Z_]*[A-Z]\b/g)) used.set(code, relative(root, file));
    }
    expect([...used].filter(([code]) => !Object.hasOwn(catalogue, code))).toEqual([]);
    // The catalogue's own files were read too; so the search works.
    expect(used.size).toBe(Object.keys(catalogue).length);
  });
});

function sourceFiles(): string[] {
  const folders = ["packages", "plugins", "apps"]
    .filter((group) => existsSync(join(root, group)))
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name, "src")));
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)))
    .filter((file) => file.endsWith(".ts"));
}
