import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

const fixtures = join(import.meta.dirname, "..", "..", "..", "packages", "plugin-testkit", "test", "fixtures");

it("prints a readable report and exits 0 for a plugin that keeps the contract", async () => {
  const { code, stdout } = await runCli(["test-plugin", join(fixtures, "well-made"), "--seed", "9"]);
  expect(stdout).toMatch(/^@fixture\/well-made 1\.0\.0, checked against plugin API 1\..*, seed 9\n/);
  expect(stdout).toMatch(/ok {3}scorer\/range/);
  expect(stdout).toMatch(/scorer: [\d.]+ µs for 1 000 endpoints/);
  expect(code).toBe(0);
});

it("exits 1 for one that does not, and says how to mend it", async () => {
  const { code, stdout } = await runCli(["test-plugin", join(fixtures, "filter-writes-seven")]);
  expect(stdout).toMatch(/FAIL filter\/flags.*\n.*wrote 7 for pod-0.*To mend it: Write keep\[i\] = 0/);
  expect(code).toBe(1);
});

it("prints the same report as JSON, with what a file says about configs", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "pointsman-test-plugin-")), "options.yaml");
  writeFileSync(file, "invalidConfigs:\n  - { limit: 4 }\nnumRuns: 10\n");
  const { code, stdout } = await runCli([
    "test-plugin",
    join(fixtures, "well-made"),
    "--format",
    "json",
    "--config",
    file,
  ]);
  const { ok, results } = JSON.parse(stdout) as {
    ok: boolean;
    results: { id: string; status: string; message: string }[];
  };
  expect(ok).toBe(false);
  expect(results.filter(({ status }) => status === "failed")).toEqual([
    expect.objectContaining({ id: "config/invalid", message: expect.stringContaining('{"limit":4} is accepted') }),
  ]);
  expect(code).toBe(1);
});

it.each([
  [["test-plugin"], 2, /needs the folder of a plugin package/],
  [["test-plugin", "a", "b"], 2, /takes one folder, not 2/],
  [["test-plugin", "a", "--sed", "1"], 2, /no flag --sed[\s\S]*--seed/],
  [["test-plugin", join(fixtures, "well-made"), "--config", "nowhere.yaml"], 2, /--config nowhere\.yaml: ENOENT/],
  [["test-plugin", "nowhere"], 78, /nowhere\/package\.json cannot be read/],
])("refuses %j", async (args, exit, message) => {
  const { code, stderr } = await runCli(args);
  expect(stderr).toMatch(message);
  expect(code).toBe(exit);
});
