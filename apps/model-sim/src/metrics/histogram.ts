/** A cumulative Prometheus histogram. */
export interface Histogram {
  /** Counts `value` `times` times. */
  observe(value: number, times?: number): void;
  /** The sample lines; `labels` is what stands between the braces. */
  render(name: string, labels: string): string;
}

/** @param bounds upper bounds in ascending order, without `+Inf` */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Array<number>(bounds.length + 1).fill(0);
  let sum = 0;
  return {
    observe(value, times = 1) {
      let index = 0;
      while (index < bounds.length && value > bounds[index]!) index++;
      counts[index]! += times;
      sum += value * times;
    },
    render(name, labels) {
      let total = 0;
      let text = "";
      for (let i = 0; i <= bounds.length; i++) {
        total += counts[i]!;
        const bound = i === bounds.length ? "+Inf" : formatNumber(bounds[i]!);
        text += `${name}_bucket{${labels},le="${bound}"} ${formatNumber(total)}\n`;
      }
      return `${text}${name}_count{${labels}} ${formatNumber(total)}\n${name}_sum{${labels}} ${formatNumber(sum)}\n`;
    },
  };
}

/** Numbers as the Python client of vLLM writes them: with a decimal point. */
export function formatNumber(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}.0` : String(value);
}
