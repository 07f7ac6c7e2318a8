import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createExtProcClient, type ExtProcClient, type ProcessingRequestInput } from "@pointsman/ext-proc";
import { createLogger } from "@pointsman/telemetry";
import { createEpp, type EppOptions, loadPickerConfig } from "../src/index.ts";

/**
 * Whole life cycles over real gRPC: headers, a 2 KiB chat body, the answer with a destination, response headers, end.
 * The picker runs in a process of its own; what counts is its CPU time per life cycle. No scraping.
 */

export const ENDPOINTS = 8;
const PARALLEL = 32;
const WARM_UP = 2_000;

type HeaderPairs = readonly (readonly [name: string, value: string])[];

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: running-requests-size-scorer
- type: active-request-scorer
`;

/** The child's part: a picker that answers with its CPU time when it is asked. */
export async function servePicker(dir: string, options: Partial<EppOptions>): Promise<void> {
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
    seed: "bench",
    // The endpoints do not exist: nothing is scraped while the bench runs.
    scrapeIntervalMs: 3_600_000,
    ...options,
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
  protocolConfig: { requestBody: "BUFFERED", responseBody: "NONE", sendBodyWithoutWaiting: false },
};
const requestBody: ProcessingRequestInput = { kind: "request_body", body, endOfStream: true };
const responseHeaders: ProcessingRequestInput = {
  kind: "response_headers",
  headers: [[":status", "200"]],
  endOfStream: false,
};

/** A picker in a process of its own, warmed up. */
export class MeasuredPicker {
  readonly #child: ChildProcess;
  readonly #client: ExtProcClient;
  readonly #dir: string;

  private constructor(child: ChildProcess, client: ExtProcClient, dir: string) {
    this.#child = child;
    this.#client = client;
    this.#dir = dir;
  }

  /**
   * Runs `bench server DIR VARIANT`, which must call {@link servePicker}.
   *
   * @param warmUp headers of the requests that warm it up, so that they take the way that is measured
   */
  static async start(
    bench: string,
    variant: string,
    { env = {}, warmUp = [] }: { env?: Readonly<Record<string, string>>; warmUp?: HeaderPairs } = {},
  ): Promise<MeasuredPicker> {
    const dir = mkdtempSync(join(tmpdir(), "pointsman-bench-"));
    const options = { execArgv: process.execArgv, env: { ...process.env, ...env } };
    const child = fork(bench, ["server", dir, variant], options);
    const { port } = await nextMessage<{ port: number }>(child);
    const picker = new MeasuredPicker(child, createExtProcClient({ address: `127.0.0.1:${port}` }), dir);
    await picker.#lifecycles(WARM_UP, warmUp);
    return picker;
  }

  /** CPU time per life cycle, in microseconds. */
  async round(count: number): Promise<number> {
    const before = await this.#cpuMicros();
    await this.#lifecycles(count);
    return ((await this.#cpuMicros()) - before) / count;
  }

  stop(): void {
    this.#client.close();
    this.#child.kill("SIGKILL");
    rmSync(this.#dir, { recursive: true });
  }

  async #lifecycles(count: number, more: HeaderPairs = []): Promise<void> {
    let started = 0;
    const first = { ...requestHeaders, headers: [...(requestHeaders.headers ?? []), ...more] };
    const worker = async (): Promise<void> => {
      while (started < count) {
        started += 1;
        const stream = this.#client.open();
        const steps = [requestBody, responseHeaders];
        stream.send(first);
        for await (const _ of stream) {
          const step = steps.shift();
          if (step === undefined) stream.halfClose();
          else stream.send(step);
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }

  async #cpuMicros(): Promise<number> {
    const answer = nextMessage<{ cpu: NodeJS.CpuUsage }>(this.#child);
    this.#child.send("cpu");
    const { cpu } = await answer;
    return cpu.user + cpu.system;
  }
}

const nextMessage = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve) => child.once("message", (message) => resolve(message as T)));

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}
