import { setTimeout } from "node:timers/promises";
import type { Snapshot } from "@pointsman/datastore";
import { createHeaderList } from "@pointsman/ext-proc";
import type { Endpoint } from "@pointsman/plugin-api";
import type { Decision } from "@pointsman/scheduling";
import { createLogger } from "@pointsman/telemetry";
import type { PipelineRequest } from "../src/request/pipeline-request.ts";
import { createRequestTracer } from "../src/tracing/request-tracer.ts";

const REQUESTS = 5_000;
const ROUNDS = 9;

const headers = createHeaderList([
  [":method", "POST"],
  [":path", "/v1/chat/completions"],
  ["content-type", "application/json"],
  ["x-request-id", "bench"],
]);
const addresses = Array.from({ length: 8 }, (_, i) => `10.0.0.${i}:8000`);
const scores = { block: new Float64Array(8).fill(0.5), offset: 0, length: 8 };
const decision: Decision = {
  primary: "default",
  picked: [{ address: addresses[0]! } as Endpoint],
  failure: undefined,
  result: () => undefined,
  profiles: [
    {
      profile: "default",
      removals: [],
      survivors: undefined,
      survivorCount: 8,
      votes: ["queue", "kv", "running", "active"].map((scorer) => ({ scorer, weight: 1, scores })),
      totals: scores,
      picker: "max",
      picked: [0],
      failure: undefined,
    },
  ],
};
const request = { id: "bench", model: "m", targetModel: "m", priority: 0, stream: true } as PipelineRequest;
const snapshot = { roster: { identities: addresses.map((address) => ({ address })) } } as unknown as Snapshot;

/** CPU time of all that tracing does for one request of four scorers and eight endpoints, in microseconds. */
export async function costOfCalls(ratio: 0 | 1): Promise<number> {
  const settings = { exporter: "otlp", protocol: "http/protobuf", sampler: "parentbased_traceidratio", ratio } as const;
  const log = createLogger({ level: "error" });
  const tracer = await createRequestTracer({ settings, pool: "bench", log, typeOf: (name) => `${name}-scorer` });
  const round = async (): Promise<number> => {
    const before = process.cpuUsage();
    for (let i = 0; i < REQUESTS; i += 1) {
      const trace = tracer.begin(headers);
      trace.decides();
      trace.prepared();
      for (let step = 0; step < 7; step += 1) trace.mark?.();
      trace.headers();
      trace.routed(request, decision, snapshot);
      trace.answered(addresses[0], 200);
      trace.ended("ended", undefined);
      if (i % 50 === 0) await setTimeout(0);
    }
    // What is queued is paid for in the next round, as every round's is.
    const { user, system } = process.cpuUsage(before);
    return (user + system) / REQUESTS;
  };
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push(await round());
  await tracer.shutdown();
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}
