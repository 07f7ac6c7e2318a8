import { isDeepStrictEqual } from "node:util";
import type { SchemaNode } from "./json-schema.ts";
import { type OptionRow, optionRows } from "./option-rows.ts";

/** A type with the schema of its parameters; undefined when it takes none. */
export interface DocumentedType {
  readonly type: string;
  readonly schema: SchemaNode | undefined;
}

/** What stands between the markers of a README: one part per type, without headings when there is only one type. */
export function renderOptions(types: readonly DocumentedType[]): string {
  if (types.length === 1) return types.map(renderType).join("");
  const parts = types.map((documented, i) => {
    const same = types
      .slice(0, i)
      .find(({ schema }) => schema !== undefined && isDeepStrictEqual(schema, documented.schema));
    const body = same === undefined ? renderType(documented) : `The same options as \`${same.type}\`.`;
    return `### \`${documented.type}\`\n\n${body}`;
  });
  return parts.join("\n\n");
}

function renderType({ schema }: DocumentedType): string {
  const rows = schema === undefined ? [] : optionRows(schema);
  if (rows === undefined) return "This type takes any parameters.";
  return rows.length === 0 ? "This type takes no parameters." : renderTable(rows);
}

/** The Markdown table Option | Type | Default | Meaning, its columns padded as formatters do. */
export function renderTable(rows: readonly OptionRow[]): string {
  const cells = [
    ["Option", "Type", "Default", "Meaning"],
    ...rows.map(({ name, type, fallback, required, meaning }) => [
      `\`${name}\``,
      escapeCell(type),
      fallback === undefined ? (required ? "required" : "—") : escapeCell(`\`${fallback}\``),
      escapeCell(meaning),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...cells.map((row) => [...(row[column] ?? "")].length)));
  const lines = cells.map((row) => `| ${row.map((cell, i) => pad(cell, widths[i] ?? 0)).join(" | ")} |`);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function pad(cell: string, width: number): string {
  return cell + " ".repeat(width - [...cell].length);
}

/** A bar would end the cell, also inside back quotes; an angle bracket outside of them would start HTML. */
function escapeCell(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll("<", "&lt;")))
    .join("");
}
