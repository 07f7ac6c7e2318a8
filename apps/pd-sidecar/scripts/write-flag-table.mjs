/** Writes the table of flags in README.md from the flags of the built package. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const BEGIN = "<!-- flags: written by scripts/write-flag-table.mjs -->";
const END = "<!-- /flags -->";

/** The README with a fresh table. */
export function withFlagTable(readme, flags) {
  const [before, rest] = readme.split(BEGIN);
  const [, after] = (rest ?? "").split(END);
  if (after === undefined) throw new Error("README.md has no marked place for the flags");
  return `${before}${BEGIN}\n${flagTable(flags)}${END}${after}`;
}

function flagTable(flags) {
  const rows = Object.entries(flags)
    .filter(([, spec]) => spec.kind !== "ignored")
    .map(([name, spec]) => `| \`--${name}\` | ${shownDefault(spec)} | ${spec.help} |\n`);
  const ignored = Object.entries(flags).filter(([, spec]) => spec.kind === "ignored");
  const list = ignored.map(([name]) => `\`--${name}\``).join(", ");
  return `| flag | default | meaning |\n| --- | --- | --- |\n${rows.join("")}\nAccepted without effect: ${list}.\n`;
}

function shownDefault({ kind, default: value }) {
  if (value === undefined || value === "") return kind === "list" ? "none" : "";
  if (kind === "duration") return value >= 1_000 && value % 1_000 === 0 ? `${value / 1_000}s` : `${value}ms`;
  if (kind === "bytes") return `${value / 1_048_576}MiB`;
  return String(value);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = join(import.meta.dirname, "..", "README.md");
  const { sidecarFlags } = await import("../dist/index.js");
  writeFileSync(file, withFlagTable(readFileSync(file, "utf8"), sidecarFlags));
}
