import type { AccessLogEntry } from "@pointsman/ext-proc";
import { EppMetrics } from "@pointsman/telemetry";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AccessLog, endOf } from "../src/response/access-log.ts";

const labels = ["m", "m", "default-flow", "0"] as const;
const entry = (requestId: string, more: Partial<AccessLogEntry> = {}): AccessLogEntry => ({
  requestId,
  firstByteMs: 100,
  durationMs: 1_100,
  responseBytes: 640,
  status: 200,
  details: "via_upstream",
  upstream: "10.0.0.1:8000",
  ...more,
});

let metrics: EppMetrics;
beforeEach(() => {
  vi.useFakeTimers();
  metrics = new EppMetrics({ streamMetrics: false });
});
afterEach(() => {
  vi.useRealTimers();
});

async function value(series: string): Promise<number | undefined> {
  const line = (await metrics.page()).split("\n").find((text) => text.startsWith(`llm_d_epp_${series} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ")));
}
const routed = 'model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"';

function await_(log: AccessLog, requestId: string, onEntry: (entry: AccessLogEntry) => void = () => {}) {
  return log.expect({ requestId, labels, streaming: true, onEntry });
}

describe("the proxy's access log", () => {
  it.each(["entry first", "end first"])("gives latencies and sizes (%s)", async (order) => {
    const log = new AccessLog("on", metrics);
    const told = vi.fn();
    const awaited = await_(log, "r", told)!;
    const steps = [() => log.entry(entry("r")), () => log.ended(awaited, { outputTokens: 11, bodySeen: false })];
    for (const step of order === "entry first" ? steps : steps.reverse()) step();
    expect(told).toHaveBeenCalledExactlyOnceWith(entry("r"));
    expect(await value(`request_ttft_seconds_sum{${routed},streaming="true"}`)).toBe(0.1);
    expect(await value(`request_ntpot_seconds_sum{${routed}}`)).toBe(0.1);
    expect(await value(`request_streaming_tpot_seconds_sum{${routed}}`)).toBe(0.1);
    expect(await value(`response_size_bytes_sum{${routed}}`)).toBe(640);
    expect(await value(`request_end_total{${routed},end="complete"}`)).toBe(1);
    expect(log.awaited).toBe(0);
  });

  it("counts no size twice, and no tokens that nobody counted", async () => {
    const log = new AccessLog("on", metrics);
    log.ended(await_(log, "r")!, { outputTokens: undefined, bodySeen: true });
    log.entry(entry("r"));
    expect(await value(`response_size_bytes_count{${routed}}`)).toBeUndefined();
    expect(await value(`request_ntpot_seconds_count{${routed}}`)).toBeUndefined();
  });

  it("takes one entry for a request, and counts those of requests it does not know", async () => {
    const log = new AccessLog("on", metrics);
    await_(log, "r");
    for (const id of ["r", "r", "stranger", ""]) log.entry(entry(id));
    expect(await value(`request_end_total{${routed},end="complete"}`)).toBe(1);
    expect(await value('access_log_entries_total{request="other"}')).toBe(2);
  });

  it("of `auto` notes nothing down while no proxy sends", () => {
    const log = new AccessLog("auto", metrics);
    expect(await_(log, "r")).toBeUndefined();
    log.opened();
    expect(await_(log, "r")).toBeDefined();
    log.closed();
    expect(await_(log, "s")).toBeUndefined();
  });

  it("gives up entries that do not come, not those of requests that go on", () => {
    const log = new AccessLog("on", metrics);
    await_(log, "goes on");
    for (let i = 0; i < 100; i += 1) log.ended(await_(log, `lost ${i}`)!, { outputTokens: 1, bodySeen: false });
    expect(log.awaited).toBe(101);
    vi.advanceTimersByTime(10_001);
    log.ended(await_(log, "late")!, { outputTokens: 1, bodySeen: false });
    expect(log.awaited).toBe(2);
  });

  it("bounds what waits, however fast requests end", () => {
    const log = new AccessLog("on", metrics);
    for (let i = 0; i < 25_000; i += 1) log.ended(await_(log, `r${i}`)!, { outputTokens: 1, bodySeen: false });
    expect(log.awaited).toBe(20_000);
  });

  it("keeps the newer of two requests of one id", () => {
    const log = new AccessLog("on", metrics);
    const first = await_(log, "r")!;
    const told = vi.fn();
    await_(log, "r", told);
    log.ended(first, { outputTokens: 1, bodySeen: false });
    vi.advanceTimersByTime(10_001);
    log.ended(await_(log, "s")!, { outputTokens: 1, bodySeen: false });
    log.entry(entry("r"));
    expect(told).toHaveBeenCalledOnce();
  });
});

describe("the end of an exchange", () => {
  it.each([
    ["via_upstream", "complete"],
    ["downstream_remote_disconnect", "client-gone"],
    ["upstream_reset_after_response_started{connection_termination}", "upstream-failed"],
    ["no_healthy_upstream", "upstream-failed"],
    ["stream_idle_timeout", "timeout"],
    ["upstream_response_timeout", "timeout"],
    ["something_new", "other"],
    ["", "other"],
  ])("%s is %s", (details, end) => expect(endOf(details)).toBe(end));
});
