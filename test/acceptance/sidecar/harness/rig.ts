import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Environment, parseCommandLine, type Sidecar, startSidecar } from "@pointsman/pd-sidecar";
import { afterEach } from "vitest";
import { type Backend, prefillAnswer, type Reply, startBackend } from "./backend.ts";

const running: Sidecar[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((sidecar) => sidecar.close()));
});

/** Starts a sidecar from a command line, closed behind the test. */
export async function startFromFlags(flags: readonly string[], env: Environment = {}): Promise<Sidecar> {
  const line = parseCommandLine(["--port=0", "--secure-proxy=false", "--log-level=silent", ...flags], env);
  if (line.kind !== "run") throw new Error(JSON.stringify(line));
  const sidecar = await startSidecar(line.settings);
  running.push(sidecar);
  return sidecar;
}

/** What is wrong with a command line; empty when nothing is. */
export function mistakesOf(flags: readonly string[], env: Environment = {}): string[] {
  const line = parseCommandLine(flags, env);
  return line.kind === "wrong" ? line.diagnostics.map(({ message }) => message) : [];
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The body, parsed; undefined when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  readonly json: any;
  /** Values of the `data:` lines. */
  readonly events: readonly string[];
}

export interface Call {
  readonly method?: string;
  readonly path?: string;
  /** Name, value, name, value, … or an object. */
  readonly headers?: Record<string, string | string[]>;
  readonly body?: unknown;
  readonly tls?: boolean;
  readonly signal?: AbortSignal;
}

/** Asks a sidecar. A body that is no text is sent as JSON. */
export function ask(port: number, call: Call = {}): Promise<Answer> {
  const { method = "POST", path = "/v1/chat/completions", headers = {}, body, tls = false, signal } = call;
  const sent = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = (tls ? httpsRequest : httpRequest)({
      ...{ host: "127.0.0.1", port, method, path, agent: false, rejectUnauthorized: false },
      ...(signal === undefined ? {} : { signal }),
      headers: { "content-type": "application/json", ...lengthOf(sent, headers), ...headers },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          json: parsed(text),
          events: [...text.matchAll(/^data: ?(.*)$/gm)].map(([, value]) => value!),
        });
      });
    });
    outgoing.end(sent);
  });
}

function lengthOf(sent: string | undefined, headers: object): Record<string, string> {
  if (sent === undefined || "transfer-encoding" in headers) return {};
  return { "content-length": String(Buffer.byteLength(sent)) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const CHAT = { model: "m", messages: [{ role: "user", content: "hi" }] };

/** A sidecar between a prefill and a decode server. */
export interface Rig {
  readonly sidecar: Sidecar;
  readonly prefill: Backend;
  readonly decode: Backend;
  /** Asks with the prefill server named. */
  disaggregated(call?: Call): Promise<Answer>;
  ask(call?: Call): Promise<Answer>;
}

export interface RigOptions {
  readonly prefill?: Reply;
  readonly decode?: Reply;
  readonly env?: Environment;
}

export async function startRig(flags: readonly string[] = [], options: RigOptions = {}): Promise<Rig> {
  const prefill = await startBackend(options.prefill ?? prefillAnswer());
  const decode = await startBackend(options.decode);
  const sidecar = await startFromFlags([`--model-server-port=${decode.port}`, ...flags], options.env);
  return {
    sidecar,
    prefill,
    decode,
    ask: (call) => ask(sidecar.port, { body: CHAT, ...call }),
    disaggregated: (call) =>
      ask(sidecar.port, {
        body: CHAT,
        ...call,
        headers: { "x-prefiller-host-port": prefill.address, ...call?.headers },
      }),
  };
}

/** Waits for something that happens soon, without relying on how soon. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** The value of a sample of the sidecar's metrics page; 0 when it is not there. */
export async function sample(sidecar: Sidecar, name: string): Promise<number> {
  const lines = (await sidecar.metrics()).split("\n").filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
