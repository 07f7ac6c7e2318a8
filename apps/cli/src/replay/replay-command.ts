import { readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { type Diagnostic, DiagnosticError, diagnostic, hasErrors, isDiagnosticError } from "@pointsman/diagnostics";
import {
  type PickerPlan,
  parseMooncakeTrace,
  type ReplayResult,
  renderHtmlReport,
  renderTextReport,
  replay,
  reportJson,
  type Trace,
} from "@pointsman/simulation";
import { writeDiagnostics } from "../plugins/write-diagnostics.ts";
import { fleetFlags, fleetOf } from "./fleet-flags.ts";
import { loadPlan } from "./load-plan.ts";
import { shippedProfiles } from "./profiles.ts";
import { createProgressLine } from "./progress-line.ts";

/** Larger traces are refused: the text is read as a whole. */
const MAX_TRACE_BYTES = 1_073_741_824;

const flags = defineFlags({
  config: { kind: "list", placeholder: "FILE", help: "configurations or names of shipped profiles to compare" },
  "plugin-root": { kind: "list", help: "folders to look for plugin packages in" },
  speed: { kind: "string", default: "1", placeholder: "F", help: "how many times as fast as recorded requests arrive" },
  limit: { kind: "integer", min: 0, max: 1_000_000_000, default: 0, help: "requests to replay; 0 = all" },
  seed: { kind: "string", default: "replay", help: "equal seeds give equal runs" },
  ...fleetFlags,
  format: { kind: "choice", values: ["text", "json"], default: "text", help: "how to print" },
  html: { kind: "string", placeholder: "FILE", help: "also write a report with plots" },
});

const help = {
  usage: "pointsman replay TRACE --config A [--config B …] [flags]",
  about:
    "Replays a trace (Mooncake's JSONL) against a model of a fleet, in virtual time, once per configuration. The choices are made by the configured plugins in the production scheduler; the endpoints, their caches and their times are modelled.",
  flags,
  more: "Without --config all shipped profiles are compared (`pointsman init --list`).",
};

/** `pointsman replay`. */
export async function replayCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals, help: wantsHelp, diagnostics } = parseFlags(flags, argv);
  if (wantsHelp) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  const speed = Number(values.speed);
  const fleet = fleetOf(values);
  const problems = [...diagnostics, ...fleet.diagnostics, ...checkArguments(positionals, speed)];
  if (hasErrors(problems) || fleet.spec === undefined) return writeDiagnostics(problems);
  try {
    const trace = readTrace(positionals[0]!, values.limit);
    const names = values.config.length > 0 ? values.config : shippedProfiles().map(({ name }) => name);
    const plans: { name: string; plan: PickerPlan }[] = [];
    for (const name of names) {
      plans.push({
        name: basename(name),
        plan: await loadPlan(
          name,
          values["plugin-root"].map((dir) => resolve(dir)),
        ),
      });
    }
    const results: ReplayResult[] = [];
    for (const { name, plan } of plans) {
      const progress = createProgressLine(name, process.stderr);
      results.push(
        await replay({ name, trace, plan, fleet: fleet.spec, speed, seed: values.seed, onProgress: progress.show }),
      );
      progress.end();
    }
    const report = { trace: trace.name, requests: trace.requests.length, speed, fleet: fleet.spec, results };
    if (values.html !== undefined) writeReport(resolve(values.html), renderHtmlReport(report));
    process.stdout.write(
      values.format === "json" ? `${JSON.stringify(reportJson(report), null, 2)}\n` : renderTextReport(report),
    );
    return 0;
  } catch (error) {
    if (isDiagnosticError(error)) return writeDiagnostics(error.diagnostics);
    throw error;
  }
}

function checkArguments(positionals: readonly string[], speed: number): Diagnostic[] {
  const problems: Diagnostic[] = [];
  if (positionals.length !== 1) {
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_MISSING", "Name one trace: `pointsman replay TRACE --config FILE`."));
  }
  if (!(speed > 0 && Number.isFinite(speed))) {
    problems.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", "--speed needs a number above 0."));
  }
  return problems;
}

function readTrace(file: string, limit: number): Trace {
  const name = basename(file);
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > MAX_TRACE_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_TRACE_BYTES}`);
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiagnosticError(
      diagnostic("POINTSMAN_REPLAY_TRACE", `${name} cannot be read: ${reason}`, { origin: name, cause }),
    );
  }
  const { trace, diagnostics } = parseMooncakeTrace(text, { name, ...(limit > 0 ? { limit } : {}) });
  if (trace === undefined) throw new DiagnosticError(diagnostics);
  return trace;
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DiagnosticError(
      diagnostic("POINTSMAN_REPLAY_OUTPUT", `The report cannot be written: ${reason}`, { cause }),
    );
  }
}
