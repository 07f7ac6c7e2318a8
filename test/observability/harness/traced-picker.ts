import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createExtProcClient, type ProcessingRequestInput, type ProcessingResponse } from "@pointsman/ext-proc";

const COMMAND = join(import.meta.dirname, "../../../apps/cli/bin/pointsman.js");

/** `pointsman serve` as a process of its own, with two endpoints that nobody listens on. */
export interface PickerUnderTest {
  readonly log: readonly string[];
  readonly metricsUrl: string;
  readonly pid: number;
  /** One request over a real stream; the answers of the request phase. */
  ask(headers?: Readonly<Record<string, string>>, body?: string): Promise<ProcessingResponse[]>;
  /** SIGTERM, which exports what is left. @returns the exit code */
  stop(): Promise<number | null>;
}

const endpoints = {
  endpoints: [
    { name: "a", address: "127.0.0.1", port: "1", labels: { "llm-d.ai/role": "decode" } },
    { name: "b", address: "127.0.0.1", port: "2", labels: { "llm-d.ai/role": "decode" } },
  ],
};

export async function startTracedPicker(
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = ["--tracing"],
): Promise<PickerUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-observability-"));
  const file = join(folder, "endpoints.yaml");
  writeFileSync(file, JSON.stringify(endpoints));
  const child = spawn(
    process.execPath,
    [
      COMMAND,
      "serve",
      "--pool-name=observed",
      "--host=127.0.0.1",
      "--secure-serving=false",
      "--refresh-metrics-interval=1h",
      "--enable-grpc-stream-metrics",
      `--endpoints-file=${file}`,
      ...["grpc", "grpc-health", "metrics", "admin"].map((name) => `--${name}-port=0`),
      ...flags,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } },
  );
  const log: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (line) => log.push(line));
  createInterface({ input: child.stdout! }).on("line", (line) => log.push(line));
  const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
  const ports = await portsOf(child, log);
  const client = createExtProcClient({ address: `127.0.0.1:${ports.grpc}` });
  return {
    log,
    metricsUrl: `http://127.0.0.1:${ports.metrics}/metrics`,
    pid: child.pid!,
    ask: (headers = {}, body = '{"model":"m","prompt":"hello"}') =>
      new Promise((resolve, reject) => {
        const answers: ProcessingResponse[] = [];
        const stream = client.open({
          onResponse: (answer) => answers.push(answer),
          onEnd: ({ code, message }) =>
            code === 0 ? resolve(answers) : reject(new Error(`status ${code}: ${message}`)),
        });
        for (const message of requestOf(headers, body)) stream.send(message);
        stream.halfClose();
      }),
    async stop() {
      client.close();
      child.kill("SIGTERM");
      const code = await exited;
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

function requestOf(headers: Readonly<Record<string, string>>, body: string): ProcessingRequestInput[] {
  return [
    {
      kind: "request_headers",
      headers: [
        [":method", "POST"],
        [":path", "/v1/completions"],
        ["content-type", "application/json"],
        ...Object.entries(headers),
      ],
      endOfStream: false,
      protocolConfig: { requestBody: "BUFFERED", responseBody: "NONE", sendBodyWithoutWaiting: false },
    },
    { kind: "request_body", body: Buffer.from(body), endOfStream: true },
    { kind: "response_headers", headers: [[":status", "200"]], endOfStream: true },
  ];
}

async function portsOf(child: ChildProcess, log: readonly string[]): Promise<{ grpc: number; metrics: number }> {
  for (;;) {
    const line = log.find((each) => each.includes("the endpoint picker is up"));
    if (line !== undefined) return (JSON.parse(line) as { ports: { grpc: number; metrics: number } }).ports;
    if (child.exitCode !== null) throw new Error(`pointsman serve has ended:\n${log.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
