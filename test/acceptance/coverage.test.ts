import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue } from "./catalogue.ts";

const here = import.meta.dirname;
const readme = readFileSync(join(here, "README.md"), "utf8");
const rows: readonly string[] = Object.values(catalogue).flat();

/** Ids with which the titles of the tests begin. */
function replayed(): string[] {
  // The rows about Kubernetes are replayed where its API server is.
  const files = [here, join(here, "../kubernetes")].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".test.ts"))
      .map((file) => join(folder, file)),
  );
  return files.flatMap((file) => {
    const titles = readFileSync(file, "utf8").matchAll(/^ *(?:it\()?"([A-Z]\d\d(?:-Q15)?) /gm);
    return [...titles].map(([, id]) => id!);
  });
}

/** Ids in the first column of the table behind a heading of the README. */
function tabled(heading: string): string[] {
  const start = readme.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`the README has no section "${heading}"`);
  const [section = ""] = readme.slice(start + 1).split(/\n(?=## )/, 1);
  const cells = section.split("\n").flatMap((line) => /^\| ([^|]*) \|/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => cell.trim().split(", ")).filter((id) => /^[A-Z]\d\d/.test(id));
}

describe("the catalogue", () => {
  it("has 142 rows, each once", () => {
    expect(rows).toHaveLength(142);
    expect(new Set(rows).size).toBe(142);
  });

  it("is covered: every row is replayed once or stands once in the README's list of what waits", () => {
    const ran = replayed();
    expect([...ran, ...tabled("What waits")].sort()).toEqual([...rows].sort());
    expect(readme).toContain("142 rows");
    expect(readme).toContain(`${ran.length} of them concern what exists`);
  });

  it("is annotated truly: what the README says about replayed rows is about replayed rows, once each", () => {
    const ran = new Set(replayed());
    for (const heading of [
      "Where a row differs",
      "Where a part of a row waits",
      "What is asked of a function or a transport",
    ]) {
      const ids = tabled(heading);
      expect(
        ids.filter((id) => !ran.has(id)),
        heading,
      ).toEqual([]);
      expect(new Set(ids).size, heading).toBe(ids.length);
      expect(ids.length, heading).toBeGreaterThan(0);
    }
  });
});
