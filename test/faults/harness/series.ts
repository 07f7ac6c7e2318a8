/** One line of a page in Prometheus' text format. */
export interface Series {
  /** Without the common prefix. */
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

const PREFIX = "llm_d_epp_";

export function seriesOf(page: string): Series[] {
  return page.split("\n").flatMap((line) => {
    const match = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || !match[1]!.startsWith(PREFIX)) return [];
    return [{ name: match[1]!.slice(PREFIX.length), labels: match[2] ?? "", value: Number(match[3]) }];
  });
}

/** Sum of the series with this name whose labels contain a text. */
export function sumOf(page: string, name: string, labels = ""): number {
  return seriesOf(page)
    .filter((series) => series.name === name && series.labels.includes(labels))
    .reduce((sum, { value }) => sum + value, 0);
}
