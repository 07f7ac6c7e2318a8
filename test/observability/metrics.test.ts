import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { describeWithProgram } from "./harness/describe-with-program.ts";
import { dashboardFile, rulesFile } from "./harness/shipped.ts";
import { type PickerUnderTest, startTracedPicker } from "./harness/traced-picker.ts";

/** The default and what counts requests in flight: between them they have every series that a panel shows. */
const config = JSON.stringify({
  apiVersion: "llm-d.ai/v1alpha1",
  kind: "EndpointPickerConfig",
  plugins: ["queue-scorer", "kv-cache-utilization-scorer", "prefix-cache-scorer", "active-request-scorer"].map(
    (type) => ({
      type,
    }),
  ),
});

let picker: PickerUnderTest;
let page: string;

beforeAll(async () => {
  picker = await startTracedPicker({}, ["--config-text", config]);
  await picker.ask();
  await picker.ask({}, "{not JSON");
  page = await (await fetch(picker.metricsUrl)).text();
});
afterAll(() => picker.stop());

/** Series that a page may hold, by name: a histogram has three. With the labels that each family is defined with. */
function seriesOf(text: string): Set<string> {
  const names = new Set<string>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    for (const suffix of type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]) names.add(name! + suffix);
  }
  return names;
}

const metricsIn = (expression: string): string[] =>
  [...expression.matchAll(/\bllm_d_epp_[a-z0-9_]+/g)].map(([name]) => name);

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
const dashboard = JSON.parse(readFileSync(dashboardFile, "utf8")) as {
  panels: readonly Panel[];
  templating: { list: readonly { name: string; query: unknown }[] };
};
const { groups } = parse(readFileSync(rulesFile, "utf8")) as {
  groups: readonly { rules: readonly { record?: string; alert?: string; expr: string }[] }[];
};
const rules = groups.flatMap(({ rules: own }) => own);

describe("the metrics that we ship expressions for", () => {
  it("exist on the page of a picker that runs, every one", () => {
    const known = seriesOf(page);
    const expressions = [
      ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ at: title, expr }))),
      ...rules.map(({ record, alert, expr }) => ({ at: record ?? alert, expr })),
    ];
    const unknown = expressions.flatMap(({ at, expr }) =>
      metricsIn(expr)
        .filter((name) => !known.has(name))
        .map((name) => `${at}: ${name}`),
    );
    expect(unknown).toEqual([]);
    expect(expressions.length).toBeGreaterThan(40);
  });

  it("count: a request that was routed, and one that was refused", () => {
    expect(page).toMatch(/^llm_d_epp_request_total\{model_name="m",.*\} 1$/m);
    expect(page).toMatch(/^llm_d_epp_request_error_total\{.*error_code="BadRequest"\} 1$/m);
    expect(page).toMatch(/^llm_d_epp_ready_endpoints\{name="observed"\} 2$/m);
  });

  it("are recorded under names that alerts use, and alerts use no others", () => {
    const recorded = rules.flatMap(({ record }) => record ?? []);
    const used = rules.flatMap(({ alert, expr }) =>
      alert === undefined ? [] : [...expr.matchAll(/\bpointsman:[a-z0-9_:]+/g)].map(([name]) => name),
    );
    expect(used.filter((name) => !recorded.includes(name))).toEqual([]);
  });
});

describe("the dashboard", () => {
  it("has panels that do not overlap, each with an expression", () => {
    const cells = new Map<string, string>();
    for (const { title, type, gridPos, targets = [] } of dashboard.panels) {
      if (type !== "row") expect(targets.length, title).toBeGreaterThan(0);
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(cells.get(`${x},${y}`), `${title} covers another panel`).toBeUndefined();
          cells.set(`${x},${y}`, title);
        }
      }
    }
  });

  it("uses variables that it defines", () => {
    const defined = new Set([...dashboard.templating.list.map(({ name }) => name), "__rate_interval"]);
    const used = [...readFileSync(dashboardFile, "utf8").matchAll(/\$\{?([a-z_]+)\}?/g)].map(([, name]) => name!);
    expect([...new Set(used)].filter((name) => !defined.has(name) && name !== "__all")).toEqual([]);
  });
});

describeWithProgram("Prometheus", "promtool", "Debian's package prometheus brings it", () => {
  it("takes every expression of the dashboard", () => {
    const expressions = dashboard.panels
      .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
      .map((expr) => expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$[a-z]+/g, ".*"));
    const asRules = { groups: [{ name: "d", rules: expressions.map((expr, i) => ({ record: `d:r${i}`, expr })) }] };
    const folder = mkdtempSync(join(tmpdir(), "pointsman-dashboard-"));
    const file = join(folder, "rules.json");
    writeFileSync(file, JSON.stringify(asRules));
    const checked = execFileSync("promtool", ["check", "rules", "--lint=none", file], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect(checked).toContain(`SUCCESS: ${expressions.length} rules found`);
  });

  it("takes the metrics page", () => {
    // promtool also lints names; ours are llm-d's. What it must not do is fail to parse.
    const result = (() => {
      try {
        return execFileSync("promtool", ["check", "metrics"], { input: page, encoding: "utf8", stdio: "pipe" });
      } catch (error) {
        return String((error as { stderr?: unknown }).stderr);
      }
    })();
    expect(result).not.toContain("error while linting");
  });
});

describe("docs/observability.md", () => {
  const text = readFileSync(join(import.meta.dirname, "../../docs/observability.md"), "utf8");
  const section = (title: string): string => text.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!;

  it("names metrics that exist", () => {
    const rows = section("Metrics")
      .split("\n")
      .filter((line) => line.startsWith("|"));
    const names = rows.flatMap((row) => [...row.matchAll(/`([a-z_]+)(?:\{[a-z_]+\})?`/g)].map(([, name]) => name!));
    const families = new Set([...page.matchAll(/^# TYPE llm_d_epp_(\S+) /gm)].map(([, name]) => name!));
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter((name) => !families.has(name))).toEqual([]);
  });

  it("lists every alert", () => {
    const listed = [...section("Dashboard and alerts").matchAll(/`(Pointsman[A-Za-z]+)`/g)].map(([, name]) => name!);
    expect(listed.sort()).toEqual(rules.flatMap(({ alert }) => alert ?? []).sort());
  });
});
