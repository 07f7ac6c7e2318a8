import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CAPACITY_LABEL, defaultEngineModel, parseMooncakeTrace, replay, uniformServers } from "../packages/simulation/dist/index.js";
import { loadPlan } from "../apps/cli/dist/replay/load-plan.js";

const [file, configs, cells] = process.argv.slice(2);
const { trace } = parseMooncakeTrace(readFileSync(file, "utf8"), { name: "trace" });
const plans = [];
for (const name of configs.split(",")) plans.push([name, await loadPlan(name, [])]);
const all = { };
for (const cell of (cells ?? "1:0,1:2000,1:1200,1:600,3.5:0,3.5:2000,3.5:1200,3.5:600").split(",")) {
  const [speed, blocks] = cell.split(":").map(Number);
  const fleet = { servers: uniformServers(8, blocks), model: { ...defaultEngineModel, ...JSON.parse(process.env.MODEL ?? "{}") }, engineBlockTokens: 16, scrapeIntervalMs: 50 };
  for (const [name, plan] of plans) {
    const r = await replay({ name, trace, plan, fleet, speed });
    console.log(cell.padEnd(9), name.split("/").at(-1).padEnd(26), "hit", (r.hitShare/r.hitCeiling).toFixed(3), "load", r.loadMaxOverMean.toFixed(3), "mean", r.ttftMs.mean.toFixed(0).padStart(7), "p99", r.ttftMs.p99.toFixed(0).padStart(8), "p50", r.ttftMs.p50.toFixed(0), "w", r.windowLoadMaxOverMean.toFixed(2), r.seconds.toFixed(1)+"s", r.faults.length ? JSON.stringify(r.faults) : "", r.refused || "");
  }
}
