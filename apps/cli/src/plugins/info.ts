import type { Diagnostic } from "@pointsman/diagnostics";
import type { LocatedType } from "@pointsman/plugin-host";
import type { SchemaObject } from "../docs/json-schema.ts";
import { type OptionRow, optionRows } from "../docs/option-rows.ts";
import { configSnippet } from "./config-snippet.ts";
import { renderTextTable, wrap } from "./text-table.ts";

/** What is known of one installed type. */
export interface TypeInfo {
  readonly located: LocatedType;
  /** Absent when it takes no parameters, or the schema cannot be read. */
  readonly schema: SchemaObject | undefined;
  /** Why the schema cannot be read. */
  readonly schemaProblem: Diagnostic | undefined;
  /** Why the host would refuse the package. */
  readonly problem: Diagnostic | undefined;
}

/** `pointsman plugins info` as data. */
export function describeTypeInfo(info: TypeInfo): unknown {
  const { type, manifest, package: plugin } = info.located;
  return {
    type,
    aliases: manifest.aliases ?? [],
    package: plugin.name,
    version: plugin.version,
    dir: plugin.dir,
    apiRange: plugin.apiRange ?? null,
    compatible: info.problem === undefined,
    problem: info.problem === undefined ? null : { code: info.problem.code, message: info.problem.message },
    description: manifest.description ?? null,
    capabilities: manifest.capabilities,
    reads: { required: manifest.reads?.required ?? [], optional: manifest.reads?.optional ?? [] },
    writes: manifest.writes ?? [],
    stability: manifest.stability ?? "beta",
    deprecated: manifest.deprecated ?? null,
    options: info.schema === undefined ? [] : (optionRows(info.schema) ?? null),
    schema: info.schema ?? null,
    snippet: configSnippet(info.located, info.schema),
  };
}

/** `pointsman plugins info` for people. */
export function renderTypeInfo(info: TypeInfo, width: number): string {
  const { type, manifest, package: plugin } = info.located;
  const { deprecated } = manifest;
  const facts = [
    ["package", `${plugin.name} ${plugin.version}`],
    ["folder", plugin.dir],
    ["plugin API", `${plugin.apiRange ?? "not stated"}, ${info.problem === undefined ? "compatible" : "unusable"}`],
    ["capabilities", manifest.capabilities.join(", ")],
    ["also called", (manifest.aliases ?? []).join(", ")],
    ["reads", keysOf(manifest.reads)],
    ["writes", (manifest.writes ?? []).join(", ")],
    ["stability", stabilityOf(manifest.stability)],
    ["deprecated", deprecated === undefined ? "" : deprecation(deprecated)],
  ].filter(([, value]) => value !== "");
  const heading = manifest.description === undefined ? type : `${type}: ${manifest.description}`;
  const problem = info.problem === undefined ? [] : [`${info.problem.code}: ${info.problem.message}`];
  const parts = [
    wrap(heading, width).join("\n"),
    renderTextTable(facts, width, "  "),
    ...problem,
    renderOptionList(info, width),
    `In a configuration, with the defaults written out:\n\n${indented(configSnippet(info.located, info.schema))}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function renderOptionList({ schema, schemaProblem }: TypeInfo, width: number): string {
  if (schemaProblem !== undefined) return `Options: ${schemaProblem.message}`;
  const rows = schema === undefined ? [] : optionRows(schema);
  if (rows === undefined) return "This type takes any parameters.";
  if (rows.length === 0) return "This type takes no parameters.";
  const cells = rows.map(({ name, type, fallback, required, meaning }: OptionRow) => [
    name,
    plain(type),
    fallback ?? (required ? "required" : "-"),
    plain(meaning),
  ]);
  return renderTextTable([["OPTION", "TYPE", "DEFAULT", "MEANING"], ...cells], width, "  ");
}

function stabilityOf(stability: string | undefined): string {
  return stability === "alpha" ? "alpha, needs --allow-experimental-plugins" : (stability ?? "beta");
}

function keysOf(reads: LocatedType["manifest"]["reads"]): string {
  const optional = (reads?.optional ?? []).map((key) => `${key} (if written)`);
  return [...(reads?.required ?? []), ...optional].join(", ");
}

function deprecation({ since, removal, replacement }: NonNullable<LocatedType["manifest"]["deprecated"]>): string {
  const until = removal === undefined ? "" : `, goes away in ${removal}`;
  return `since ${since}${until}${replacement === undefined ? "" : `; use ${replacement}`}`;
}

/** Back quotes mark values in Markdown; here they would only be noise. */
function plain(text: string): string {
  return text.replaceAll("`", "");
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
