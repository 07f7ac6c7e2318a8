const LINE = 120;

/**
 * JSON as the formatter of this repository writes it, so that generated files are formatted ones: objects on several
 * lines, arrays without objects on one when they fit. Ends with a line break.
 */
export function renderJson(value: unknown): string {
  return `${render(value, "", 0)}\n`;
}

/** @param before columns taken on the line by what precedes the value. */
function render(value: unknown, indent: string, before: number): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    // One column is left for the comma that may follow.
    const flat = renderFlat(value);
    if (flat !== undefined && before + flat.length + 1 <= LINE) return flat;
    if (value.length > 1 && value.every((item) => typeof item === "number")) {
      return `[\n${fill(value.map(String), inner)}\n${indent}]`;
    }
    return `[\n${value.map((item) => `${inner}${render(item, inner, inner.length)}`).join(",\n")}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, item]) => {
    const head = `${inner}${JSON.stringify(key)}: `;
    return `${head}${render(item, inner, head.length)}`;
  });
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

/** On one line; undefined when there is an object in it that needs several. */
function renderFlat(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (!Array.isArray(value)) return Object.keys(value).length === 0 ? "{}" : undefined;
  const items = value.map(renderFlat);
  return items.includes(undefined) ? undefined : `[${items.join(", ")}]`;
}

function fill(items: readonly string[], indent: string): string {
  const lines: string[] = [];
  let line = indent;
  items.forEach((item, i) => {
    const text = i === items.length - 1 ? item : `${item},`;
    if (line === indent) line += text;
    else if (line.length + 1 + text.length <= LINE) line += ` ${text}`;
    else {
      lines.push(line);
      line = indent + text;
    }
  });
  return [...lines, line].join("\n");
}
