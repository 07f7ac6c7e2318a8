import { describe, expect, it } from "vitest";
import { readTracingEnvironment } from "../src/tracing-environment.ts";

describe("the settings of traces", () => {
  it("are llm-d's where nothing is said, but for the exporter: OTLP over gRPC, one in ten unless the caller decides", () => {
    expect(readTracingEnvironment({ OTEL_TRACES_EXPORTER: "", OTEL_TRACES_SAMPLER: " " })).toEqual({
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
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "64",
    };
    expect(readTracingEnvironment(env).settings).toEqual({
      exporter: "console",
      protocol: "http/json",
      sampler: "traceidratio",
      ratio: 0.05,
      batchSize: 64,
    });
    expect(readTracingEnvironment({ ...env, OTEL_SDK_DISABLED: "TRUE" }).settings).toBeUndefined();
  });

  it("are complained about all at once, with what was meant", () => {
    const { diagnostics } = readTracingEnvironment({
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
