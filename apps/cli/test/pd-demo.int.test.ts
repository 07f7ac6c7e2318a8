import { expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

it("pointsman demo --pd --once serves the same load by 4 and by 2 + 2 servers, and says what was split and why", async () => {
  const { code, stdout } = await runCli(["demo", "--pd", "--once"]);
  expect(code, stdout).toBe(0);
  expect(stdout).toMatch(/split {2}prefill-\d → decode-\d +\d+ of \d+ tokens are not cached at decode-\d/);
  expect(stdout).toMatch(/whole +decode-\d +the prompt has \d+ tokens, fewer than nonCachedTokens 200/);
  expect(stdout).toContain("by 4: 80 requests, 0 failed");
  expect(stdout).toContain("by 2 + 2: 80 requests, 0 failed");
  const split = Number(/^(\d+) of 80 requests were split; 0 KV blocks are still held/m.exec(stdout)?.[1]);
  expect(split).toBeGreaterThan(10);
  expect(split).toBeLessThanOrEqual(20);
});
