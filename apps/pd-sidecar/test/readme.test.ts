import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { SidecarMetrics } from "../src/metrics.ts";
import { sidecarFlags } from "../src/options/flags.ts";

const folder = join(import.meta.dirname, "..");
const readme = readFileSync(join(folder, "README.md"), "utf8");

describe("the README", () => {
  it("lists the flags that exist; else run `node apps/pd-sidecar/scripts/write-flag-table.mjs`", async () => {
    const { withFlagTable } = await import(pathToFileURL(join(folder, "scripts", "write-flag-table.mjs")).href);
    expect(readme).toBe(withFlagTable(readme, sidecarFlags));
  });

  it("lists the metrics that exist", async () => {
    const levels = { waiting: 0, decodes: 0, prefills: 0, bufferedBytes: 0, kvClosed: false };
    const page = await new SidecarMetrics(() => levels).registry.metrics();
    const exposed = [...page.matchAll(/^# TYPE llm_d_sidecar_(\S+)/gm)].map(([, name]) => name!);
    const section = /\n## Metrics\n(.*?)\n## /s.exec(readme)![1]!;
    const cells = section.split("\n").flatMap((line) => /^\| (`[^|]*) \|/.exec(line)?.[1] ?? []);
    const told = cells.flatMap((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name!));
    expect(told.sort()).toEqual(exposed.sort());
  });
});
