import type { CatalogueEntry } from "./catalogue/entry.ts";
import { catalogue, type DiagnosticCode } from "./catalogue.ts";

const areas: readonly (readonly [prefix: string, heading: string])[] = [
  ["POINTSMAN_CONFIG_", "Configuration"],
  ["POINTSMAN_ENV_", "Environment variables"],
  ["POINTSMAN_PLUGIN_", "Plugins"],
  ["POINTSMAN_GRAPH_", "How plugins fit together"],
  ["POINTSMAN_CLI_", "Command line"],
  ["POINTSMAN_SERVER_", "Servers"],
  ["POINTSMAN_SIM_", "Simulator"],
];

/**
 * The text of ERRORS.md.
 *
 * @throws Error when a code belongs to no area of the page.
 */
export function renderErrorsPage(): string {
  const rest = new Map(Object.entries(catalogue) as [DiagnosticCode, CatalogueEntry][]);
  const lines = [
    "# Errors",
    "",
    "Every error and warning that Pointsman reports has a code. This page is written from the catalogue in",
    "`packages/diagnostics` by `node packages/diagnostics/scripts/write-errors-md.mjs`; edit the catalogue, not this file.",
    "",
    "Exit codes: 78 wrong configuration, 2 wrong command line, 69 something needed is not available, 70 a fault in",
    "Pointsman or in a plugin. A warning never ends a process.",
  ];
  for (const [prefix, heading] of areas) {
    lines.push("", `## ${heading}`);
    for (const [code, entry] of rest) {
      if (!code.startsWith(prefix)) continue;
      rest.delete(code);
      const kind = entry.severity === "warning" ? "Warning." : `Exit code ${entry.exitCode}.`;
      lines.push(
        "",
        `### ${code}`,
        "",
        `**${entry.title}.** ${kind}`,
        "",
        entry.meaning,
        "",
        `To mend it: ${entry.mend}`,
      );
    }
  }
  if (rest.size > 0) throw new Error(`No area of ERRORS.md for ${[...rest.keys()].join(", ")}`);
  return `${lines.join("\n")}\n`;
}
