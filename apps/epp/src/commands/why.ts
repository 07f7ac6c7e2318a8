import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { exitCodeOf, hasErrors, renderDiagnostics } from "@pointsman/diagnostics";
import type { DecisionReport } from "../decisions/decision-record.ts";
import { renderDecision } from "../decisions/render-decision.ts";
import { fetchAdmin } from "./admin-client.ts";

const flags = defineFlags({
  "admin-port": { kind: "integer", min: 1, max: 65_535, default: 9004, help: "admin port of the running picker" },
  format: { kind: "choice", values: ["text", "json"], default: "text", help: "how to print" },
  last: { kind: "integer", min: 1, max: 1_000, default: 1, help: "without an id: how many of the newest decisions" },
});

const help = {
  usage: "pointsman why [REQUEST-ID] [flags]",
  about:
    "Tells why a request went where it went: removals, scores × weights, data age, ties, who was picked and who served.",
  flags,
};

/** `pointsman why`. */
export async function why(argv: readonly string[]): Promise<number> {
  const { values, positionals, help: wantsHelp, diagnostics } = parseFlags(flags, argv);
  if (wantsHelp) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  if (hasErrors(diagnostics)) {
    process.stderr.write(`${renderDiagnostics(diagnostics, { format: "text" })}\n`);
    return exitCodeOf(diagnostics);
  }
  const id = positionals[0];
  const path =
    id === undefined ? `/debug/decisions?limit=${values.last}` : `/debug/decisions/${encodeURIComponent(id)}`;
  try {
    const { status, body } = await fetchAdmin(values["admin-port"], path);
    const reports = (body as { readonly decisions?: readonly DecisionReport[] }).decisions ?? [];
    if (status === 404 || reports.length === 0) {
      process.stderr.write(
        `${id === undefined ? "No decision has been made yet." : `No decision with the id ${id} is kept.`}\n`,
      );
      return 1;
    }
    process.stdout.write(
      values.format === "json" ? `${JSON.stringify(reports, null, 2)}\n` : reports.map(renderDecision).join("\n"),
    );
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 69;
  }
}
