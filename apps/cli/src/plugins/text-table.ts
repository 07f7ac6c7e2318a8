const GAP = "  ";
/** A last column narrower than this is hard to read. */
const narrowest = 40;

/**
 * Rows for a terminal: columns as wide as their longest cell, the last one wrapped at `width`, or on lines of its own
 * where too little room is left beside the others. Ends without a line break.
 */
export function renderTextTable(rows: readonly (readonly string[])[], width: number, indent = ""): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns - 1 }, (_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  const used = indent.length + widths.reduce((sum, each) => sum + each + GAP.length, 0);
  const isBelow = width - used < narrowest;
  const margin = isBelow ? `${indent}    ` : " ".repeat(used);
  return rows
    .flatMap((row) => {
      const head = `${indent}${widths.map((each, i) => (row[i] ?? "").padEnd(each)).join(GAP)}`;
      const last = row[columns - 1] ?? "";
      const lines = last === "" ? [] : wrap(last, Math.max(narrowest, width - margin.length));
      if (isBelow) return [head.trimEnd(), ...lines.map((line) => margin + line)];
      return [`${head}${GAP}${lines[0] ?? ""}`.trimEnd(), ...lines.slice(1).map((line) => margin + line)];
    })
    .join("\n");
}

/** Lines of at most `room` characters, broken at spaces; a longer word stays whole. */
export function wrap(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
