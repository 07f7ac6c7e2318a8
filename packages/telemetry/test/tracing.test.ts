import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import type { HostLogger } from "../src/index.ts";
import { ReportedExporter } from "../src/tracing/reported-exporter.ts";

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
