/** Which samples of a page are meant: a metric name and labels they must have. */
export interface MetricSpec {
  readonly name: string;
  readonly labels: readonly { readonly name: string; readonly value: string }[];
}

const form = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\}\s*)?$/s;
const label = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?:"((?:[^"\\]|\\["\\n])*)"|([^",{}\s]+))\s*(?:,|$)/;

/** Parses `name` or `name{label=value,…}`, values in quotes or not. Returns undefined when the text is neither. */
export function parseMetricSpec(text: string): MetricSpec | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const labels: { name: string; value: string }[] = [];
  let rest = parts[2]?.trim() ?? "";
  while (rest !== "") {
    const found = label.exec(rest);
    if (found === null) return undefined;
    const quoted = found[2]?.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
    labels.push({ name: found[1]!, value: quoted ?? found[3]! });
    rest = rest.slice(found[0].length).trim();
  }
  return { name: parts[1]!, labels };
}
