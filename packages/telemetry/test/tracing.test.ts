import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import type { HostLogger } from "../src/index.ts";
import { ReportedExporter } from "../src/tracing/reported-exporter.ts";
import { parseTracingSettings } from "../src/tracing/tracing-settings.ts";

describe("the settings of traces", () => {
  it("are llm-d's where nothing is said, but for the exporter: OTLP over gRPC, one in ten unless the caller decides", () => {
    expect(parseTracingSettings({ OTEL_TRACES_EXPORTER: "", OTEL_TRACES_SAMPLER: " " })).toEqual({
      settings: { exporter: "otlp", protocol: "grpc", sampler: "parentbased_traceidratio", ratio: 0.1 },
      diagnostics: [],
    });
  });

  it("come from OpenTelemetry's variables, those of traces before those of all signals", () => {
    const env = {
      OTEL_TRACES_EXPORTER: "console",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.05",
    };
    expect(parseTracingSettings(env).settings).toEqual({
      exporter: "console",
      protocol: "http/json",
      sampler: "traceidratio",
      ratio: 0.05,
    });
    expect(parseTracingSettings({ ...env, OTEL_SDK_DISABLED: "TRUE" }).settings).toBeUndefined();
  });

  it("are complained about all at once, with what was meant", () => {
    const { diagnostics } = parseTracingSettings({
      OTEL_TRACES_EXPORTER: "oltp",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http",
      OTEL_TRACES_SAMPLER_ARG: "5%",
    });
    expect(diagnostics.map(({ message }) => message)).toEqual([
      'OTEL_TRACES_SAMPLER_ARG: "5%" is no number from 0 to 1.',
      'OTEL_TRACES_EXPORTER: "oltp" is none of otlp, console, none.',
      'OTEL_EXPORTER_OTLP_PROTOCOL: "http" is none of grpc, http/protobuf, http/json.',
    ]);
    expect(diagnostics[1]!.notes).toEqual([{ label: "did you mean", text: "otlp" }]);
  });
});

describe("an exporter that fails", () => {
  it("is reported once a minute with all that was lost, and when it works again", () => {
    let now = 0;
    let works = false;
    const lines: [string, unknown][] = [];
    const note = (message: string, fields?: unknown): void => void lines.push([message, fields]);
    const log = { debug: note, info: note, warn: note, error: note } as unknown as HostLogger;
    const inner: SpanExporter = {
      export: (_, done) =>
        done(works ? { code: ExportResultCode.SUCCESS } : { code: ExportResultCode.FAILED, error: new Error("away") }),
      shutdown: async () => {},
    };
    const exporter = new ReportedExporter(inner, log, () => now);
    const results: ExportResult[] = [];
    const send = (spans: number): void =>
      exporter.export(Array<ReadableSpan>(spans).fill({} as ReadableSpan), (result) => void results.push(result));
    send(3);
    now = 30_000;
    send(4);
    now = 60_000;
    send(5);
    works = true;
    send(6);
    send(7);
    expect(lines).toEqual([
      ["spans cannot be exported", { spans: 3, error: "away" }],
      ["spans cannot be exported", { spans: 9, error: "away" }],
      ["spans are exported again", { lost: 0 }],
    ]);
    expect(results.map(({ code }) => code)).toEqual([1, 1, 1, 0, 0]);
  });
});
