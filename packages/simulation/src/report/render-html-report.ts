import { barPlot, colorOf, escapeHtml, linePlot, type Series } from "./plots.ts";
import { renderTextReport } from "./render-text-report.ts";
import type { ReplayReport } from "./replay-report.ts";
import type { ReplayResult } from "./replay-result.ts";

const style = `body{font:14px system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;color:#222}
pre{background:#f4f4f4;padding:1rem;overflow:auto}main{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:1rem}
figure{margin:0}figcaption{font-weight:600;margin:.5rem 0}svg{width:100%;height:auto;font-size:12px}.grid{stroke:#ddd}
ul{list-style:none;padding:0}li{display:inline-block;margin-right:1.5rem}li i{display:inline-block;width:12px;height:12px;margin-right:6px}`;

/** The report as one HTML file with plots. It loads nothing. */
export function renderHtmlReport(report: ReplayReport): string {
  const { results } = report;
  const one = (value: (result: ReplayResult) => number): Series[] =>
    results.map((result, i) => ({ name: result.name, color: colorOf(i), values: [value(result)] }));
  const many = (values: (result: ReplayResult) => readonly number[]): Series[] =>
    results.map((result, i) => ({ name: result.name, color: colorOf(i), values: values(result) }));
  const minutes = Math.max(0, ...results.map(({ ttftByMinute }) => ttftByMinute.length));
  const plots = [
    barPlot("Hit share of the ceiling", one(shareOfCeiling), (value) => value.toFixed(3)),
    barPlot(
      "Load: most over mean",
      one(({ loadMaxOverMean }) => loadMaxOverMean),
      (value) => value.toFixed(3),
    ),
    barPlot(
      "TTFT, mean (ms)",
      one(({ ttftMs }) => ttftMs.mean),
      (value) => value.toFixed(0),
    ),
    barPlot(
      "TTFT, p99 (ms)",
      one(({ ttftMs }) => ttftMs.p99),
      (value) => value.toFixed(0),
    ),
    linePlot({
      title: "TTFT by share of requests",
      unit: "ms",
      from: "0 %",
      to: "100 %",
      logarithmic: true,
      series: many(({ ttftQuantiles }) => ttftQuantiles),
    }),
    linePlot({
      title: "TTFT by minute of arrival, mean",
      unit: "ms",
      from: "0 min",
      to: `${minutes} min`,
      logarithmic: true,
      series: many(({ ttftByMinute }) => ttftByMinute),
    }),
    ...results.map(({ name, endpoints }) =>
      linePlot({
        title: `${name}: uncached prompt tokens of each endpoint by minute`,
        unit: "tokens",
        from: "0 min",
        to: `${minutes} min`,
        series: endpoints.map((endpoint, i) => ({
          name: endpoint.name,
          color: colorOf(i),
          values: endpoint.uncachedByMinute,
        })),
      }),
    ),
  ];
  const legend = results.map(({ name }, i) => `<li><i style="background:${colorOf(i)}"></i>${escapeHtml(name)}</li>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Replay of ${escapeHtml(report.trace)}</title><style>${style}</style></head>
<body><h1>Replay of ${escapeHtml(report.trace)}</h1>
<pre>${escapeHtml(renderTextReport(report))}</pre>
<ul>${legend.join("")}</ul>
<main>${plots.join("\n")}</main>
</body></html>
`;
}

function shareOfCeiling({ hitShare, hitCeiling }: ReplayResult): number {
  return hitCeiling === 0 ? 0 : hitShare / hitCeiling;
}
