import type { FaultRow } from "../rows.ts";

/** The rows as a table in Markdown. */
export function renderTable(rows: readonly FaultRow[]): string {
  const lines = rows.map(({ fault, happens, shows, remedy }) => `| ${[fault, happens, shows, remedy].join(" | ")} |`);
  return ["| fault | what happens | how it shows | what to do |", "|---|---|---|---|", ...lines].join("\n");
}
