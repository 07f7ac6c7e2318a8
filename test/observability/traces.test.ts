import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ReceivedSpan } from "./harness/otlp-messages.ts";
import { type OtlpReceiver, startOtlpReceiver } from "./harness/otlp-receiver.ts";
import { type PickerUnderTest, startTracedPicker } from "./harness/traced-picker.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const sampled = { traceparent: `00-${TRACE}-${CALLER}-01` };
const unsampled = { traceparent: `00-${TRACE}-${CALLER}-00` };

let receiver: OtlpReceiver;
let picker: PickerUnderTest | undefined;
const quick = { OTEL_BSP_SCHEDULE_DELAY: "50" };

beforeAll(async () => {
  receiver = await startOtlpReceiver();
});
afterEach(async () => {
  await picker?.stop();
  picker = undefined;
});
afterAll(() => receiver.close());

const overJson = (): Record<string, string> => ({
  ...quick,
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.http,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
});

/** What the model server gets in addition to the client's headers. */
async function setHeaders(headers?: Readonly<Record<string, string>>, body?: string): Promise<Map<string, string>> {
  const answers = await picker!.ask(headers, body);
  return new Map(answers.flatMap(({ setHeaders = [] }) => setHeaders.map(([name, value]) => [name, value] as const)));
}

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
  const found = spans.find((span) => span.name === name);
  if (found === undefined) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(", ")}`);
  return found;
};

describe("traces", () => {
  it.each([
    ["http/json", "application/json", () => receiver.http],
    ["http/protobuf", "application/x-protobuf", () => receiver.http],
    ["grpc", "application/grpc", () => receiver.grpc],
    ["", "application/grpc", () => receiver.grpc],
  ])("reach a collector over OTLP, protocol %j", async (protocol, format, endpoint) => {
    picker = await startTracedPicker({
      ...quick,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(),
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_SERVICE_NAME: `picker over ${protocol}`,
      OTEL_RESOURCE_ATTRIBUTES: "k8s.namespace.name=inference",
    });
    await picker.ask(sampled);
    const spans = await receiver.trace("gateway.request", ({ resource }) =>
      Object.values(resource).includes(`picker over ${protocol}`),
    );
    expect(receiver.formats).toContain(format);
    expect(named(spans, "gateway.request").resource).toMatchObject({ "k8s.namespace.name": "inference" });
  });

  // JSON is written by the SDK, protobuf by us.
  it.each(["http/json", "http/protobuf"])(
    "tell what each stage did, below the span of the request, in the caller's trace, over %s",
    async (protocol) => {
      picker = await startTracedPicker({ ...overJson(), OTEL_EXPORTER_OTLP_PROTOCOL: protocol });
      const traceId = protocol === "http/json" ? "d".repeat(32) : "e".repeat(32);
      const traceparent = `00-${traceId}-${CALLER}-01`;
      const id = `told-${picker.pid}`;
      const upstream = await setHeaders({ traceparent, "x-request-id": id, "x-llm-d-model-name-rewrite": "big" });
      const own = await receiver.trace("gateway.request", ({ attributes }) => attributes["gen_ai.request.id"] === id);
      const spans = own.filter(({ resource }) => resource["service.name"] === "llm-d-epp");
      const request = named(spans, "gateway.request");
      expect(request).toMatchObject({ traceId, parentSpanId: CALLER, kind: 2, status: 0 });
      expect(request.attributes).toMatchObject({
        "llm_d.epp.pool": "observed",
        "gen_ai.request.model": "m",
        "http.request.method": "POST",
        "url.path": "/v1/completions",
        "http.response.status_code": 200,
        "llm_d.epp.outcome": "ended",
      });
      expect(upstream.get("traceparent")).toBe(`00-${traceId}-${request.spanId}-01`);

      const orchestration = named(spans, "gateway.request_orchestration");
      expect(orchestration.parentSpanId).toBe(request.spanId);
      expect(orchestration.attributes).toMatchObject({ target_model: "big", request_prio: 0, candidate_endpoints: 2 });
      const [picked] = orchestration.attributes["llm_d.epp.picked_endpoints"] as string[];
      expect(upstream.get("x-gateway-destination-endpoint")).toBe(picked);

      const profile = named(spans, "run_scheduler_profile");
      expect(profile.parentSpanId).toBe(orchestration.spanId);
      expect(profile.attributes["llm_d.epp.profile.name"]).toBe("default");
      expect(named(spans, "filter_endpoints")).toMatchObject({
        parentSpanId: profile.spanId,
        attributes: { candidate_endpoints: 2, surviving_endpoints: 2 },
      });
      const scoring = named(spans, "llm_d.epp.scoring");
      expect(scoring.attributes["llm_d.epp.scoring.endpoints"]).toEqual(["127.0.0.1:1", "127.0.0.1:2"]);
      const scorers = spans.filter(({ parentSpanId }) => parentSpanId === scoring.spanId);
      expect(scorers.map(({ name }) => name)).toContain("llm_d.epp.scorer.queue-scorer");
      expect(scoring.attributes["llm_d.epp.scoring.scorers"]).toBe(scorers.length);
      for (const { attributes } of scorers) expect(attributes["llm_d.epp.scorer.scores"]).toHaveLength(2);
      const pick = named(spans, "pick_endpoints");
      expect(pick.attributes).toMatchObject({ "llm_d.epp.picker.type": "max-score-picker" });
      expect(pick.attributes["llm_d.epp.picker.top_endpoints"]).toEqual([picked]);

      for (const { name, startNanos, endNanos, parentSpanId } of spans) {
        expect(startNanos <= endNanos, name).toBe(true);
        const parent = spans.find(({ spanId }) => spanId === parentSpanId);
        if (parent === undefined) continue;
        // Times travel as fractions of milliseconds: a microsecond of grace for their rounding.
        expect(startNanos + 1_000n >= parent.startNanos, `${name} begins within ${parent.name}`).toBe(true);
        expect(endNanos <= parent.endNanos + 1_000n, `${name} ends within ${parent.name}`).toBe(true);
      }
    },
  );

  it("show a refusal as an error, with its code and status", async () => {
    picker = await startTracedPicker(overJson());
    const id = `refused-${picker.pid}`;
    const traceparent = `00-${"c".repeat(32)}-${CALLER}-01`;
    const answers = await picker.ask({ "x-request-id": id, traceparent }, "{not JSON");
    expect(answers.at(-1)).toMatchObject({ kind: "immediate_response", status: 400 });
    const spans = await receiver.trace("gateway.request", ({ traceId }) => traceId === "c".repeat(32));
    expect(named(spans, "gateway.request")).toMatchObject({
      status: 2,
      attributes: { "error.type": "BadRequest", "http.response.status_code": 400, "llm_d.epp.outcome": "rejected" },
    });
    expect(named(spans, "gateway.request_orchestration").status).toBe(2);
  });

  it("begin anew where the caller sends no context, or a malformed one", async () => {
    picker = await startTracedPicker({ ...overJson(), OTEL_TRACES_SAMPLER: "always_on" });
    const fresh = (await setHeaders()).get("traceparent")!;
    const healed = (await setHeaders({ traceparent: "00-zz-1-01" })).get("traceparent")!;
    for (const header of [fresh, healed]) {
      expect(header).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      const [, traceId] = header.split("-");
      const spans = await receiver.trace("gateway.request", (span) => span.traceId === traceId);
      expect(named(spans, "gateway.request").parentSpanId).toBe("");
    }
    expect(fresh.split("-")[1]).not.toBe(healed.split("-")[1]);
  });

  it("pass tracestate on", async () => {
    picker = await startTracedPicker(overJson());
    const upstream = await setHeaders({ ...sampled, tracestate: "vendor=value" });
    expect(upstream.get("tracestate")).toBe("vendor=value");
  });

  it("are sampled by ratio, unless the caller has decided; the model server is told either way", async () => {
    picker = await startTracedPicker({
      ...overJson(),
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0",
      OTEL_SERVICE_NAME: "sampled by ratio",
    });
    expect((await setHeaders()).get("traceparent")).toMatch(/-00$/);
    // What the caller sent travels on as it is.
    expect((await setHeaders(unsampled)).get("traceparent")).toBeUndefined();
    expect((await setHeaders(sampled)).get("traceparent")).toMatch(/-01$/);
    await picker.stop();
    const own = receiver.spans.filter(({ resource }) => resource["service.name"] === "sampled by ratio");
    expect(own.filter(({ name }) => name === "gateway.request")).toHaveLength(1);
    picker = undefined;
  });

  it("do not hold up a request when the collector is away; the log says what was lost", async () => {
    picker = await startTracedPicker({
      ...quick,
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_TIMEOUT: "200",
      OTEL_TRACES_SAMPLER: "always_on",
    });
    expect((await setHeaders()).get("x-gateway-destination-endpoint")).toMatch(/^127\.0\.0\.1:/);
    while (!picker.log.some((line) => line.includes("spans cannot be exported"))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await picker.stop()).toBe(0);
    picker = undefined;
  });

  it("go nowhere with the exporter none, while context is passed on", async () => {
    picker = await startTracedPicker({ OTEL_TRACES_EXPORTER: "none", OTEL_TRACES_SAMPLER: "always_on" });
    expect((await setHeaders(sampled)).get("traceparent")).toMatch(new RegExp(`^00-${TRACE}-`));
    expect(await picker.stop()).toBe(0);
    picker = undefined;
  });

  it("are off by default: no header is added, and neither SDK nor exporter is loaded", async () => {
    picker = await startTracedPicker(
      {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(reportLoaded)}`,
        OTEL_TRACES_SAMPLER: "always_on",
      },
      [],
    );
    expect((await setHeaders()).get("traceparent")).toBeUndefined();
    const { log } = picker;
    expect(await picker.stop()).toBe(0);
    picker = undefined;
    const line = log.find((each) => each.startsWith("LOADED "));
    const loaded = JSON.parse(line!.slice("LOADED ".length)) as string[];
    expect(loaded.some((file) => file.includes("/prom-client/"))).toBe(true);
    // The API, which does nothing by itself, comes with prom-client.
    expect(loaded.filter((file) => /@opentelemetry\/(?!api\/)/.test(file))).toEqual([]);
  });

  it("refuse a variable that makes no sense, at start", async () => {
    await expect(startTracedPicker({ OTEL_TRACES_SAMPLER: "parentbased_traceidratoi" })).rejects.toThrow(
      /POINTSMAN_SERVER_TRACING_VARIABLE[\s\S]*parentbased_traceidratio/,
    );
    await expect(startTracedPicker({ OTEL_TRACES_SAMPLER_ARG: "10%" })).rejects.toThrow(/no number from 0 to 1/);
  });
});

/** Says at exit which CommonJS modules were loaded; OpenTelemetry and prom-client are such. */
const reportLoaded = `import { createRequire } from "node:module";
const { cache } = createRequire("${import.meta.url}");
process.on("exit", () => process._rawDebug("LOADED " + JSON.stringify(Object.keys(cache))));`;
