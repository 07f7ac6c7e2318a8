/** One line or one row of bars. */
export interface Series {
  readonly name: string;
  readonly color: string;
  readonly values: readonly number[];
}

export interface LinePlot {
  readonly title: string;
  readonly unit: string;
  /** Labels at the left and right end of the horizontal axis. */
  readonly from: string;
  readonly to: string;
  readonly series: readonly Series[];
  readonly logarithmic?: boolean;
}

const WIDTH = 560;
const HEIGHT = 260;
const LEFT = 64;
const BOTTOM = 28;
const TOP = 12;
const RIGHT = 12;

/** Colours that stay apart for most colour-blind readers (Okabe and Ito). */
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

export function colorOf(i: number): string {
  return colors[i % colors.length]!;
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Lines over equally spaced points, as one SVG. */
export function linePlot({ title, unit, from, to, series, logarithmic = false }: LinePlot): string {
  const all = series.flatMap(({ values }) => values).filter((value) => Number.isFinite(value) && value > 0);
  const max = Math.max(...all, 1e-9);
  const min = logarithmic ? Math.min(...all, max) : 0;
  const y = (value: number): number => {
    const share = logarithmic
      ? Math.log(Math.max(value, min) / min) / Math.max(1e-9, Math.log(max / min))
      : (value - min) / (max - min);
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
  };
  const ticks = ticksBetween(min, max, logarithmic);
  const grid = ticks.map(
    (tick) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" class="grid"/><text x="${LEFT - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${short(tick)}</text>`,
  );
  const lines = series.map(({ color, values, name }) => {
    const step = (WIDTH - LEFT - RIGHT) / Math.max(1, values.length - 1);
    const points = values.map((value, i) => `${(LEFT + i * step).toFixed(1)},${y(value).toFixed(1)}`);
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${points.join(" ")}"><title>${escapeHtml(name)}</title></polyline>`;
  });
  return figure(
    `${title} (${unit})`,
    [
      ...grid,
      ...lines,
      `<text x="${LEFT}" y="${HEIGHT - 8}">${escapeHtml(from)}</text>`,
      `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${escapeHtml(to)}</text>`,
    ].join(""),
  );
}

/** One bar per series, largest value at full width. */
export function barPlot(title: string, bars: readonly Series[], label: (value: number) => string): string {
  const max = Math.max(...bars.map(({ values }) => values[0] ?? 0), 1e-9);
  const height = 26;
  const rows = bars.map(({ name, color, values }, i) => {
    const value = values[0] ?? 0;
    const width = (value / max) * 280;
    const top = i * height + 4;
    return `<text x="178" y="${top + 14}" text-anchor="end">${escapeHtml(name)}</text><rect x="186" y="${top}" width="${width.toFixed(1)}" height="18" fill="${color}"/><text x="${(192 + width).toFixed(1)}" y="${top + 14}">${escapeHtml(label(value))}</text>`;
  });
  return figure(title, rows.join(""), bars.length * height + 8);
}

function figure(caption: string, content: string, height = HEIGHT): string {
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(caption)}">${content}</svg></figure>`;
}

function ticksBetween(min: number, max: number, logarithmic: boolean): number[] {
  if (!logarithmic) {
    const step = 10 ** Math.floor(Math.log10(max)) / (max / 10 ** Math.floor(Math.log10(max)) < 3 ? 2 : 1);
    return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
  }
  const ticks: number[] = [];
  for (let tick = 10 ** Math.ceil(Math.log10(min)); tick <= max; tick *= 10) ticks.push(tick);
  return ticks;
}

function short(value: number): string {
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`;
  if (value >= 1_000) return `${Number((value / 1_000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}
