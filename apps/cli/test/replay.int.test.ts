import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

let dir: string;
let trace: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-replay-"));
  trace = join(dir, "trace.jsonl");
  // Two conversations that take turns, each turn one block longer, and a prompt of its own in between.
  const lines = Array.from({ length: 90 }, (_, i) => {
    const turn = Math.floor(i / 3);
    const ids =
      i % 3 === 2 ? [9_000 + i] : Array.from({ length: turn + 1 }, (_unused, block) => 1_000 * (1 + (i % 3)) + block);
    return JSON.stringify({ timestamp: 400 * i, input_length: 512 * ids.length, output_length: 10, hash_ids: ids });
  });
  writeFileSync(trace, `${lines.join("\n")}\n`);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("pointsman replay", () => {
  it("compares configurations, as JSON", async () => {
    const { code, stdout } = await runCli(
      ["replay", trace, "--config", "balanced", "--config", "round-robin", "--endpoints", "2", "--format", "json"],
      dir,
    );
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ trace: "trace.jsonl", requests: 90, endpoints: 2, blocksPerEndpoint: 0, speed: 1 });
    const [balanced, roundRobin] = report.configs;
    // Everything of a conversation but its newest block can be found again, where it was before.
    const references = (2 * (30 * 31)) / 2 + 30;
    expect(balanced).toMatchObject({ name: "balanced", requests: 90, refused: 0, faults: [], warnings: 0 });
    expect(balanced.hitCeiling).toBeCloseTo((2 * (29 * 30)) / 2 / references, 6);
    expect(balanced.hitShare).toBeGreaterThan(0.95 * balanced.hitCeiling);
    expect(roundRobin.hitShare).toBeLessThan(balanced.hitShare);
    const { mean, p50, p95, p99 } = balanced.ttftMs;
    expect([p50 > 0, p50 <= p95, p95 <= p99, mean <= p99]).toEqual([true, true, true, true]);
    expect(balanced.loadMaxOverMean).toBeGreaterThanOrEqual(1);
    expect(balanced.endpoints.map(({ name }: { name: string }) => name)).toEqual(["server-0", "server-1"]);
  });

  it("gives the same numbers for the same seed", async () => {
    const args = ["replay", trace, "--config", "llm-d-default", "--blocks-per-endpoint", "20", "--format", "json"];
    const run = async () => {
      const [config] = JSON.parse((await runCli(args, dir)).stdout).configs;
      return { ...config, seconds: 0 };
    };
    expect(await run()).toEqual(await run());
  });

  it("prints a table, and writes a report that loads nothing", async () => {
    const html = join(dir, "report.html");
    const { code, stdout } = await runCli(
      ["replay", trace, "--config", "prefix-only", "--limit", "30", "--speed", "2.5", "--html", html],
      dir,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("30 requests at 2.5× to 8 endpoints");
    expect(stdout).toMatch(/prefix-only\s+\d+\.\d\d %/);
    const page = readFileSync(html, "utf8");
    expect(page).toContain("<svg");
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
  });

  it("knows fleets of two kinds, sick endpoints, and those that join", async () => {
    const fleet = ["--endpoints", "4", "--fast", "2x3x2", "--slow", "0.5", "--join", "5s", "--scrape-interval", "1s"];
    const { stdout } = await runCli(["replay", trace, "--config", "balanced", "--format", "json", ...fleet], dir);
    const { endpoints } = JSON.parse(stdout).configs[0];
    expect(endpoints.map(({ speed }: { speed: number }) => speed)).toEqual([3, 3, 1, 1]);
    expect(endpoints.every(({ requests }: { requests: number }) => requests > 0)).toBe(true);
  });

  it.each([
    [["no-such.jsonl"], "POINTSMAN_REPLAY_TRACE"],
    [[], "POINTSMAN_CLI_FLAG_MISSING"],
    [["x", "--speed", "0"], "POINTSMAN_CLI_FLAG_VALUE"],
    [["x", "--fast", "9x2"], "POINTSMAN_CLI_FLAG_VALUE"],
    [["x", "--join", "1s", "--endpoints", "1"], "POINTSMAN_CLI_FLAG_CONFLICT"],
  ])("refuses %j", async (args, code) => {
    const result = await runCli(["replay", ...args], dir);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(code);
  });

  it("tells what is wrong with a trace and with a configuration", async () => {
    const broken = join(dir, "broken.jsonl");
    writeFileSync(broken, "{}\n");
    expect((await runCli(["replay", broken], dir)).stderr).toContain("line 1: `timestamp` is no number");
    const config = join(dir, "wrong.yaml");
    writeFileSync(config, "plugins: [{ type: expected-cost-scorer, parameters: { waitWeight: -1 } }]\n");
    const { code, stderr } = await runCli(["replay", trace, "--config", config], dir);
    expect(code).toBe(78);
    expect(stderr).toContain("waitWeight");
  });
});

describe("pointsman init", () => {
  it("writes the recommended profile, which check accepts, and never over a file", async () => {
    const folder = mkdtempSync(join(dir, "init-"));
    expect((await runCli(["init", "--profile", "balanced"], folder)).code).toBe(0);
    const file = join(folder, "pointsman.config.yaml");
    writeFileSync(join(folder, "endpoints.yaml"), "endpoints: [{ name: a, address: 127.0.0.1, port: '8000' }]\n");
    const checked = await runCli(
      ["check", "--config-file", file, "--endpoints-file", "endpoints.yaml", "--load"],
      folder,
    );
    expect(checked).toMatchObject({ code: 0 });
    const again = await runCli(["init"], folder);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain("--force");
    expect((await runCli(["init", "--profile", "round-robin", "--force"], folder)).code).toBe(0);
    expect(readFileSync(file, "utf8")).toContain("round-robin-picker");
  });

  it("lists the profiles, the recommended one first, and suggests one for a typo", async () => {
    const { stdout } = await runCli(["init", "--list"], dir);
    expect(stdout.split("\n")[0]).toMatch(/^balanced /);
    expect((await runCli(["init", "--profile", "balence"], dir)).stderr).toContain("balanced");
    expect((await runCli(["init", "--output", "-"], dir)).stdout).toContain("expected-cost-scorer");
  });
});
