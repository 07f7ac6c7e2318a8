import { Writable } from "node:stream";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import {
  CappedCounter,
  CappedGauge,
  collectProcessMetrics,
  createLogger,
  EppMetrics,
  PluginMetrics,
} from "../src/index.ts";

describe("a capped metric", () => {
  it("puts label sets beyond its limit together under `other`", async () => {
    const registry = new Registry();
    const counter = new CappedCounter(registry, { name: "c_total", help: "h", labels: ["model"], limit: 2 });
    for (const model of ["a", "b", "c", "d", "a"]) counter.inc([model]);
    const page = await registry.metrics();
    expect(page).toContain('c_total{model="a"} 2');
    expect(page).toContain('c_total{model="other"} 2');
    expect(page).not.toContain('"c"');
  });

  it("forgets a gauge that was removed, and can have it again", async () => {
    const registry = new Registry();
    const gauge = new CappedGauge(registry, { name: "g", help: "h", labels: ["endpoint"] });
    gauge.set(1, ["a"]);
    gauge.remove(["a"]);
    expect(await registry.metrics()).not.toContain('endpoint="a"');
    gauge.set(2, ["a"]);
    expect(await registry.metrics()).toContain('g{endpoint="a"} 2');
  });
});

describe("the picker's metrics", () => {
  it("tell of the process where it is the picker's own", async () => {
    const { registry } = new EppMetrics({ streamMetrics: false });
    collectProcessMetrics(registry);
    const page = await registry.metrics();
    for (const name of [
      "process_cpu_seconds_total",
      "process_resident_memory_bytes",
      "nodejs_eventloop_lag_p99_seconds",
    ])
      expect(page).toMatch(new RegExp(`^${name} [0-9.e-]+`, "m"));
  });

  it("have llm-d's names, and series that are off do not exist", async () => {
    const off = await new EppMetrics({ streamMetrics: false }).page();
    expect(off).toContain("# TYPE llm_d_epp_request_total counter");
    expect(off).toContain("# TYPE llm_d_epp_scheduler_e2e_duration_seconds histogram");
    expect(off).not.toContain("extproc_streams");
    expect(await new EppMetrics({ streamMetrics: true }).page()).toContain("llm_d_epp_extproc_streams_inflight");
  });
});

describe("metrics of plugins", () => {
  it("are shared by the instances of a type and told apart by label", async () => {
    const registry = new Registry();
    const metrics = new PluginMetrics(registry);
    const spec = { name: "hits_total", help: "h", labels: ["kind"] };
    metrics.forInstance("t", "one").counter(spec).inc({ kind: "x" });
    metrics.forInstance("t", "two").counter(spec).inc({ kind: "x" }, 3);
    const page = await registry.metrics();
    expect(page).toContain('llm_d_epp_hits_total{plugin_type="t",plugin_name="one",kind="x"} 1');
    expect(page).toContain('llm_d_epp_hits_total{plugin_type="t",plugin_name="two",kind="x"} 3');
  });

  it("refuse a second definition that does not fit the first", () => {
    const metrics = new PluginMetrics(new Registry()).forInstance("t", "one");
    metrics.counter({ name: "n_total", help: "h" });
    expect(() => metrics.gauge({ name: "n_total", help: "h" })).toThrow("metric n_total is already a counter");
  });
});

describe("the log", () => {
  it("is one JSON object a line, with the fields of its children, and masks secrets", () => {
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk, _, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const log = createLogger({ level: "info", destination }).child({ plugin: "p" });
    log.debug("hidden");
    log.info("hello", { token: "s3cret", nested: { authorization: "Bearer x" }, count: 1 });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: "info",
      plugin: "p",
      msg: "hello",
      token: "[masked]",
      count: 1,
    });
    expect(lines[0]).not.toContain("Bearer");
  });
});
