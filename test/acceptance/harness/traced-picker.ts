import { afterAll } from "vitest";
import { type OtlpReceiver, startOtlpReceiver } from "../../observability/harness/otlp-receiver.ts";
import { type PickerShape, startPicker, type TestPicker } from "./picker.ts";

const tracing = { exporter: "otlp", protocol: "http/protobuf", sampler: "parentbased_always_on", ratio: 1 } as const;

/** A picker whose every request is traced, and the collector it exports to. */
export async function startTracedPicker(shape: PickerShape): Promise<{ picker: TestPicker; receiver: OtlpReceiver }> {
  const receiver = await startOtlpReceiver();
  afterAll(() => receiver.close());
  // The exporter reads them once, when it is made.
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.http, OTEL_BSP_SCHEDULE_DELAY: "20" };
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return { picker: await startPicker(shape, { tracing }), receiver };
  } finally {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}
