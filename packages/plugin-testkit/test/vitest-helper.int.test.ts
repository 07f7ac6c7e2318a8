import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { pluginConformance } from "../src/vitest.ts";

pluginConformance(join(import.meta.dirname, "fixtures", "well-made"), { numRuns: 20 });

it("a broken rule is a failed test that says how to mend it, the others pass", async () => {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const root = join(import.meta.dirname, "fixtures", "vitest-run");
  const child = spawn(process.execPath, [vitest, "run", "--root", root, "--reporter=json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect(code).toBe(1);
  const outcome = JSON.parse(text) as {
    numPassedTests: number;
    testResults: { assertionResults: { status: string; title: string; failureMessages: string[] }[] }[];
  };
  const failures = outcome.testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed"),
  );
  expect(failures.map(({ title }) => title)).toEqual(["scores are in [0, 1], or NaN to abstain (scorer/range)"]);
  expect(failures[0]?.failureMessages.join()).toMatch(/gave 1\.5 to pod-0.*To mend it: Scale/);
  expect(outcome.numPassedTests).toBeGreaterThan(20);
});
