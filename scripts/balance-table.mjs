/**
 * Measures the balance of the shipped profiles: `node scripts/balance-table.mjs TRACE [--only ID,…] [--write]`.
 * TRACE is Mooncake's conversation trace. Prints a line per run; `--write` puts the tables into docs/balance.md.
 * Needs built code. Takes minutes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  judgeBalance,
  parseMooncakeTrace,
  recordedCells,
  replay,
  syntheticCells,
} from "../packages/simulation/dist/index.js";

const root = join(import.meta.dirname, "..");
const { loadPlan } = await import(join(root, "apps/cli/dist/replay/load-plan.js"));
const SUBJECT = "balanced";
const configs = [SUBJECT, "llm-d-default", "llm-d-prefix-affinity", "round-robin", "prefix-only"];
const [file, ...flags] = process.argv.slice(2);
const only = flags[flags.indexOf("--only") + 1]?.split(",");
const parsed = parseMooncakeTrace(readFileSync(file, "utf8"), { name: "conversation" });
if (parsed.trace === undefined) throw new Error(parsed.diagnostics[0].message);
const plans = new Map();
for (const name of configs) plans.set(name, await loadPlan(name, []));

const cells = [...recordedCells(parsed.trace), ...syntheticCells()].filter(
  ({ id }) => !flags.includes("--only") || only.includes(id),
);
const measured = [];
for (const cell of cells) {
  const results = [];
  for (const [name, plan] of plans) {
    const result = await replay({ name, trace: cell.trace, plan, fleet: cell.fleet, speed: cell.speed });
    if (result.faults.length > 0) throw new Error(`${cell.id}: ${JSON.stringify(result.faults)}`);
    results.push(result);
    process.stdout.write(
      `${cell.id.padEnd(20)} ${name.padEnd(22)} ${row(result).join("  ")}  ${result.seconds.toFixed(1)} s\n`,
    );
  }
  const [subject, ...others] = results;
  const verdicts = judgeBalance(cell, subject, others);
  for (const { target, value, limit, met } of verdicts) {
    process.stdout.write(`  ${met ? "met" : "NOT MET"}: ${target} ${number(value)}, limit ${number(limit)}\n`);
  }
  measured.push({ cell, results, verdicts });
}

if (flags.includes("--write")) {
  const page = join(root, "docs", "balance.md");
  const [before, rest] = readFileSync(page, "utf8").split("<!-- tables:start -->");
  const after = rest.split("<!-- tables:end -->")[1];
  writeFileSync(page, `${before}<!-- tables:start -->\n\n${tables().join("\n")}\n<!-- tables:end -->${after}`);
}

function tables() {
  const all = measured.flatMap(({ verdicts }) => verdicts);
  const missed = measured.flatMap(({ cell, verdicts }) =>
    verdicts.filter(({ met }) => !met).map((verdict) => ({ cell, ...verdict })),
  );
  const lines = [`${all.length - missed.length} of ${all.length} targets are met.`];
  if (missed.length > 0) lines.push("Not met:");
  lines.push("");
  for (const { cell, target, value, limit } of missed) {
    lines.push(
      `- ${cell.about}: ${target} ${number(value)}, wanted ${target === "hit" ? "at least" : "at most"} ${number(limit)}`,
    );
  }
  if (missed.length > 0) lines.push("");
  for (const group of new Set(measured.map(({ cell }) => cell.group))) {
    lines.push(`### ${group}`, "");
    lines.push("| cell | profile | hit / ceiling | load | TTFT mean | p50 | p95 | p99 | targets |");
    lines.push("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const { cell, results, verdicts } of measured.filter((item) => item.cell.group === group)) {
      results.forEach((result, i) => {
        const judged = i > 0 || verdicts.length === 0 ? "" : verdicts.every(({ met }) => met) ? "met" : "**not all**";
        const about = i > 0 ? "" : `${cell.about} (ceiling ${(100 * result.hitCeiling).toFixed(1)} %)`;
        lines.push(`| ${[about, result.name, ...row(result), judged].join(" | ")} |`);
      });
    }
    lines.push("");
  }
  return lines;
}

function row({ hitShare, hitCeiling, loadMaxOverMean, ttftMs }) {
  const hit = hitCeiling === 0 ? "–" : (hitShare / hitCeiling).toFixed(3);
  return [hit, loadMaxOverMean.toFixed(3), ...["mean", "p50", "p95", "p99"].map((key) => duration(ttftMs[key]))];
}

function duration(ms) {
  return ms >= 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms)} ms`;
}

function number(value) {
  return value < 20 ? value.toFixed(3) : duration(value);
}
