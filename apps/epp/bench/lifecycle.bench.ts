import { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createExtProcClient, type ProcessingRequestInput } from "@pointsman/ext-proc";
import { createLogger } from "@pointsman/telemetry";
import { createEpp, loadPickerConfig } from "../src/index.ts";

/**
 * Whole life cycles over real gRPC: headers, a 2 KiB chat body, the answer with a destination, response headers, end.
 * The picker runs in a process of its own; what counts is its CPU time per life cycle. No scraping.
 */

const ENDPOINTS = 8;
const PARALLEL = 32;
const WARM_UP = 2_000;
const ROUNDS = 5;
const PER_ROUND = 2_000;

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: running-requests-size-scorer
- type: active-request-scorer
`;

type Transport = "native" | "grpc-js";

async function servePicker(dir: string, transport: Transport): Promise<void> {
  const endpoints = Array.from({ length: ENDPOINTS }, (_, i) => ({
    name: `e${i}`,
    address: "127.0.0.1",
    port: `${20_000 + i}`,
  }));
  const endpointsFile = join(dir, "endpoints.yaml");
  writeFileSync(endpointsFile, JSON.stringify({ endpoints }));
  const { picker } = await loadPickerConfig({ text: config, cwd: dir, pluginRoots: [], endpointsFile });
  const epp = await createEpp({
    picker: picker!,
    log: createLogger({ level: "error" }),
    pool: "bench",
    ports: { grpc: 0 },
    transport,
    seed: "bench",
    // The endpoints do not exist: nothing is scraped while the bench runs.
    scrapeIntervalMs: 3_600_000,
  });
  process.on("message", () => process.send!({ cpu: process.cpuUsage() }));
  process.send!({ port: epp.ports.grpc });
}

const body = Buffer.from(
  JSON.stringify({
    model: "m",
    stream: true,
    messages: [{ role: "user", content: "tell me about trains ".repeat(95) }],
  }),
);
const requestHeaders: ProcessingRequestInput = {
  kind: "request_headers",
  headers: [
    [":method", "POST"],
    [":path", "/v1/chat/completions"],
    [":authority", "localhost"],
    ["content-type", "application/json"],
    ["x-request-id", "bench"],
  ],
  endOfStream: false,
  protocolConfig: { requestBody: "BUFFERED", responseBody: "NONE" },
};
const requestBody: ProcessingRequestInput = { kind: "request_body", body, endOfStream: true };
const responseHeaders: ProcessingRequestInput = {
  kind: "response_headers",
  headers: [[":status", "200"]],
  endOfStream: false,
};

async function measure(transport: Transport): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-bench-"));
  const child = fork(import.meta.filename, ["server", dir, transport], { execArgv: process.execArgv });
  const next = <T>(): Promise<T> => new Promise((resolve) => child.once("message", (message) => resolve(message as T)));
  const { port } = await next<{ port: number }>();
  const client = createExtProcClient({ address: `127.0.0.1:${port}` });

  async function lifecycles(count: number): Promise<void> {
    let started = 0;
    const worker = async (): Promise<void> => {
      while (started < count) {
        started += 1;
        const stream = client.open();
        const steps = [requestBody, responseHeaders];
        stream.send(requestHeaders);
        for await (const _ of stream) {
          const step = steps.shift();
          if (step === undefined) stream.halfClose();
          else stream.send(step);
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }

  const cpuMicros = async (): Promise<number> => {
    const answer = next<{ cpu: NodeJS.CpuUsage }>();
    child.send("cpu");
    const { cpu } = await answer;
    return cpu.user + cpu.system;
  };
  await lifecycles(WARM_UP);
  const perLifecycle: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await cpuMicros();
    await lifecycles(PER_ROUND);
    perLifecycle.push(((await cpuMicros()) - before) / PER_ROUND);
  }
  perLifecycle.sort((a, b) => a - b);
  const median = perLifecycle[ROUNDS >> 1]!;
  client.close();
  child.kill("SIGKILL");
  rmSync(dir, { recursive: true });
  console.log(
    `life cycle over ${transport.padEnd(7)}, ${ENDPOINTS} endpoints, 4 scorers   ${median.toFixed(0).padStart(4)} µs CPU, ${Math.round(1e6 / median)} per second and core`,
  );
  return median;
}

if (process.argv[2] === "server") await servePicker(process.argv[3]!, process.argv[4] as Transport);
else {
  const ratios: number[] = [];
  // In turn, so that a noisy minute does not favour one of them.
  for (let round = 0; round < 3; round += 1) ratios.push((await measure("grpc-js")) / (await measure("native")));
  console.log(`grpc-js ÷ native   ${ratios.sort((a, b) => a - b)[1]!.toFixed(1)}`);
}
