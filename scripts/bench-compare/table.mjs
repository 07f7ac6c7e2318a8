/** Keys of a row that are compared, with what they are called. */
const measures = [
  ["epp_cores", "cores", 3],
  ["epp_cpu_ms_per_req", "CPU ms per request", 3],
  ["epp_net_ms_per_req", "… without what it does idle", 3],
  ["ttfb_ms_p50", "first byte p50, ms", 1],
  ["ttfb_ms_p99", "first byte p99, ms", 1],
  ["epp_peak_mib", "peak memory, MiB", 0],
];

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Medians of all rounds: `result[scenario][picker][measure]`. */
export function summarize(scenarios, pickers, rows) {
  const medianOf = (scenario, picker, key) => {
    const values = rows.filter((row) => row.scenario === scenario && row.picker === picker).map((row) => row[key]);
    const known = values.filter((value) => typeof value === "number");
    return known.length === 0 ? undefined : median(known);
  };
  const result = {};
  for (const { name, endpoints, load } of scenarios) {
    result[name] = {};
    for (const picker of pickers) {
      const values = Object.fromEntries(measures.map(([key]) => [key, medianOf(name, picker, key)]));
      values.bad = medianOf(name, picker, "bad") ?? 0;
      const idle = scenarios.find((other) => other.load === undefined && other.endpoints === endpoints);
      const idleCores = idle === undefined ? undefined : medianOf(idle.name, picker, "epp_cores");
      const rps = medianOf(name, picker, "rps");
      if (load !== undefined && values.epp_cpu_ms_per_req !== undefined && idleCores !== undefined && rps > 0) {
        values.epp_net_ms_per_req = ((values.epp_cores - idleCores) / rps) * 1_000;
      }
      result[name][picker] = values;
    }
  }
  return result;
}

/** A Markdown table with the ratio of the first picker to the last, which is ours. */
export function renderTable(summary, pickers) {
  const lines = [
    `| scenario | what | ${pickers.join(" | ")} |${pickers.length > 1 ? ` ${pickers[0]} ÷ ${pickers.at(-1)} |` : ""}`,
    `| --- | --- |${" --- |".repeat(pickers.length + (pickers.length > 1 ? 1 : 0))}`,
  ];
  for (const [scenario, byPicker] of Object.entries(summary)) {
    let name = scenario;
    for (const [key, what, digits] of measures) {
      const values = pickers.map((picker) => byPicker[picker][key]);
      if (values.every((value) => value === undefined)) continue;
      if (key === "epp_cores" && values.length > 0 && byPicker[pickers[0]].epp_cpu_ms_per_req !== undefined) continue;
      const cells = values.map((value) => (value === undefined ? "" : value.toFixed(digits)));
      const ratio = values[0] > 0 && values.at(-1) > 0 ? (values[0] / values.at(-1)).toFixed(1) : "";
      lines.push(`| ${name} | ${what} | ${cells.join(" | ")} |${pickers.length > 1 ? ` ${ratio} |` : ""}`);
      name = "";
    }
    const bad = pickers.filter((picker) => byPicker[picker].bad > 0);
    if (bad.length > 0) {
      const counts = pickers.map((picker) => byPicker[picker].bad);
      lines.push(`| ${name} | failed requests | ${counts.join(" | ")} |${pickers.length > 1 ? " |" : ""}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
