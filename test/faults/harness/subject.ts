import type { Diagnostic } from "@pointsman/diagnostics";
import type { DecisionReport } from "@pointsman/epp";
import type { FaultRow } from "../rows.ts";

/** A log line of the picker. */
export interface LogLine {
  readonly msg: string;
  readonly plugin?: string;
  readonly instances?: readonly string[];
  readonly [field: string]: unknown;
}

/** What `/debug/plugins` says of one capability. */
export interface CapabilityReport {
  readonly errors: number;
  readonly corrected: number;
  readonly breaker: string;
  readonly lastError: string | null;
}

export interface PluginReport {
  readonly name: string;
  readonly capabilities: Readonly<Record<string, CapabilityReport>>;
}

/** A picker behind a gateway, with one offender among its plugins. */
export interface Subject {
  readonly url: string;
  readonly log: Iterable<LogLine>;
  page(): Promise<string>;
  plugins(): Promise<readonly PluginReport[]>;
  /** The scores that a scorer gave in the newest decision. */
  scores(scorer: string): Promise<readonly (number | null)[]>;
  /** Warnings of taking the offender out. */
  end(): Promise<readonly Pick<Diagnostic, "code">[]>;
}

/** True for a line that names the offender of a row. */
export function names({ plugin, instances = [] }: LogLine, row: FaultRow): boolean {
  return plugin === row.plugin || plugin === `fault-${row.plugin}` || instances.includes(row.plugin);
}

export async function fetchPlugins(adminPort: number): Promise<readonly PluginReport[]> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/debug/plugins`);
  return ((await response.json()) as { readonly plugins: readonly PluginReport[] }).plugins;
}

interface DecisionPage {
  readonly decisions: readonly DecisionReport[];
}

export async function fetchScores(adminPort: number, scorer: string): Promise<readonly (number | null)[]> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/debug/decisions?limit=1`);
  const { decisions } = (await response.json()) as DecisionPage;
  return (decisions[0]?.decision?.profiles ?? [])
    .flatMap(({ candidates }) => candidates)
    .flatMap(({ scores }) => scores.filter((given) => given.scorer === scorer).map(({ score }) => score));
}
