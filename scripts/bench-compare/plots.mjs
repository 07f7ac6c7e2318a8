/** Plots of cost by one axis, both axes logarithmic, as SVG that stands alone. */
const WIDTH = 520;
const HEIGHT = 320;
const LEFT = 70;
const TOP = 40;
const RIGHT = 20;
const BOTTOM = 50;
const colours = ["#b4532a", "#1f6f8b", "#6b7a1e"];

/** Every axis that some scenario is on: file name and SVG. */
export function renderPlots(scenarios, summary, pickers) {
  const axes = [...new Set(scenarios.flatMap(({ axis }) => Object.keys(axis ?? {})))];
  return axes.map((axis) => {
    const points = scenarios.filter(({ axis: of }) => of?.[axis] !== undefined);
    const key = points[0].load === undefined ? "epp_cores" : "epp_cpu_ms_per_req";
    const series = pickers.map((picker) => ({
      picker,
      points: points
        .map(({ name, axis: of }) => ({ x: of[axis], y: summary[name]?.[picker]?.[key] }))
        .filter(({ y }) => y > 0),
    }));
    const unit = key === "epp_cores" ? "cores, idle" : "CPU ms per request";
    return { file: `${axis.replaceAll(" ", "-")}.svg`, svg: plot(`${unit} by ${axis}`, axis, unit, series) };
  });
}

function plot(title, xLabel, yLabel, series) {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) return `<svg xmlns="http://www.w3.org/2000/svg"/>\n`;
  const x = scale(
    all.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = scale(
    all.map((point) => point.y),
    HEIGHT - BOTTOM,
    TOP,
  );
  const text = (at, words, more = "") => `<text x="${at[0]}" y="${at[1]}" ${more}>${words}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text([LEFT, 20], title, 'font-weight="bold"'),
    text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10], xLabel, 'text-anchor="middle"'),
    text([14, HEIGHT / 2], yLabel, `text-anchor="middle" transform="rotate(-90 14 ${HEIGHT / 2})"`),
  ];
  for (const tick of x.ticks) {
    parts.push(line([x.of(tick), TOP], [x.of(tick), HEIGHT - BOTTOM]));
    parts.push(text([x.of(tick), HEIGHT - BOTTOM + 16], String(tick), 'text-anchor="middle"'));
  }
  for (const tick of y.ticks) {
    parts.push(line([LEFT, y.of(tick)], [WIDTH - RIGHT, y.of(tick)]));
    parts.push(text([LEFT - 6, y.of(tick) + 4], String(tick), 'text-anchor="end"'));
  }
  series.forEach(({ picker, points }, index) => {
    const colour = colours[index % colours.length];
    const path = points.map((point) => `${x.of(point.x).toFixed(1)},${y.of(point.y).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const point of points) {
      parts.push(`<circle cx="${x.of(point.x).toFixed(1)}" cy="${y.of(point.y).toFixed(1)}" r="3" fill="${colour}"/>`);
    }
    parts.push(text([WIDTH - RIGHT, 20 + 14 * index], picker, `text-anchor="end" fill="${colour}"`));
  });
  return `${parts.join("\n")}\n</svg>\n`;
}

function line([x1, y1], [x2, y2]) {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
}

/** Logarithmic, from the power of ten below the least to the one above the greatest. */
function scale(values, from, to) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => Number((10 ** (low + i)).toPrecision(1)));
  return { ticks, of: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) };
}
