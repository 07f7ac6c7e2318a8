/** Values of one series on a page in Prometheus' text format, by their labels. */
export function seriesOf(page: string, name: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of page.split("\n")) {
    const match = /^([a-zA-Z_:]+)(\{.*\})? (\S+)$/.exec(line);
    if (match?.[1] === name) values.set(match[2] ?? "", Number(match[3]));
  }
  return values;
}

/** Sum over all labels. */
export function sumOf(page: string, name: string): number {
  return [...seriesOf(page, name).values()].reduce((sum, value) => sum + value, 0);
}
