import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

const script = join(import.meta.dirname, "../../../scripts/api-report.mjs");
const report = readFileSync(join(import.meta.dirname, "../api/plugin-api.api.md"), "utf8");
const built = join(import.meta.dirname, "../dist");

let render: (dist: string) => Promise<string>;
beforeAll(async () => {
  ({ renderApiReport: render } = await import(pathToFileURL(script).href));
});

let dist: string;
beforeEach(() => {
  dist = mkdtempSync(join(tmpdir(), "pointsman-api-report-"));
  cpSync(built, dist, { recursive: true });
  writeFileSync(join(dist, "package.json"), '{"type":"module"}');
});
afterEach(() => rmSync(dist, { recursive: true }));

function change(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(join(dist, file), "utf8");
  const changed = text.replace(from, to);
  expect(changed, `${file} has no ${from}`).not.toBe(text);
  writeFileSync(join(dist, file), changed);
}

describe("the API report", () => {
  it("is what the built package says; if not, `node scripts/api-report.mjs` tells how to go on", async () => {
    const checked = new Promise((done) => {
      execFile(process.execPath, [script, "--check"], (error, stdout, stderr) =>
        done(error === null ? stdout : stderr),
      );
    });
    expect(await checked).toBe("packages/plugin-api/api/plugin-api.api.md is up to date\n");
  });

  it("does not mind docstrings, the version, and the files that types are declared in", async () => {
    change("endpoint.d.ts", /\/\*\*[\s\S]*?\*\//, "/** Other words. */");
    change("version.d.ts", /"[\d.]+"/, '"1.7.3"');
    renameSync(join(dist, "schema.d.ts"), join(dist, "moved.d.ts"));
    writeFileSync(join(dist, "schema.d.ts"), 'export * from "./moved.ts";\n');
    expect(await render(dist)).toBe(report);
  });

  it("changes with a new member", async () => {
    change("endpoint.d.ts", "readonly rank: number;", "readonly rank: number;\n    readonly zone?: string;");
    expect(await render(dist)).toContain("    readonly zone?: string;\n");
  });

  it("shows types that have no export of their own", async () => {
    change("service.d.ts", "interface Logger {", "interface Logger extends Sink {");
    change("service.d.ts", /$/, "\ninterface Sink { flush(): Depth }\ntype Depth = 1 | 2;\nexport {};\n");
    expect(await render(dist)).toMatch(/## Not exported[\s\S]*type Depth = 1 \| 2;[\s\S]*interface Sink \{/);
  });

  it("changes with the identity of a key, whose type stays the same", async () => {
    change("keys.js", "pointsman/waiting-requests", "pointsman/queued-requests");
    const changed = await render(dist);
    expect(changed.split("\n").filter((line) => !report.includes(line))).toEqual([
      expect.stringMatching(/^\/\/ .*"pointsman\/queued-requests@1"/),
    ]);
  });

  it("that is stale fails the check with a sentence that says how to go on", async () => {
    change("keys.js", "pointsman/waiting-requests", "pointsman/queued-requests");
    const failed = new Promise((done) => {
      const argv = [script, "--check", "--dist", dist];
      execFile(process.execPath, argv, (error, _, stderr) => done([error?.code, stderr]));
    });
    expect(await failed).toEqual([
      1,
      "packages/plugin-api/api/plugin-api.api.md is not what the built package says. If the change of the contract is " +
        "meant, run `pnpm compile && node scripts/api-report.mjs`, commit the report, and add a changeset: minor when " +
        "something was added, major when something was removed or means something else.\n",
    ]);
  });
});
