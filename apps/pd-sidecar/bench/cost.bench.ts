/**
 * What the sidecar adds to a request, and how many chunks of an event stream it passes: each number beside that of a
 * direct connection to the same server, taken in turn in the same run. Servers have threads of their own.
 */
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { Worker } from "node:worker_threads";

const BODY = JSON.stringify({ model: "m", max_tokens: 64, messages: [{ role: "user", content: "x".repeat(4_000) }] });
const agent = new Agent({ keepAlive: true });

async function startThread(role: string, modelServerPort = 0): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(new URL("./server-thread.ts", import.meta.url), { workerData: { role, modelServerPort } });
  const [{ port }] = (await once(worker, "message")) as [{ port: number }];
  return { worker, port };
}

function send(port: number, headers: Record<string, string>, onResponse: (response: IncomingMessage) => void): void {
  const outgoing = httpRequest({
    ...{ host: "127.0.0.1", port, method: "POST", path: "/v1/chat/completions", agent },
    headers: { "content-type": "application/json", "content-length": String(BODY.length), ...headers },
  });
  outgoing.on("response", onResponse);
  outgoing.end(BODY);
}

function timeOne(port: number, headers: Record<string, string>): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) => {
    send(port, headers, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - began));
    });
  });
}

const quantile = (sorted: readonly number[], q: number): number => sorted[Math.floor(sorted.length * q)]!;
const sorted = (times: readonly number[]): number[] => [...times].sort((a, b) => a - b);

/** Open loop: direct and through the sidecar in turn, so that both see the same machine. */
async function latencies(
  perSecond: number,
  seconds: number,
  ports: readonly number[],
  headers: Record<string, string>[],
) {
  const times: number[][] = ports.map(() => []);
  const pending: Promise<void>[] = [];
  const count = perSecond * seconds;
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const due = began + (i * 1_000) / perSecond;
    const ahead = due - performance.now();
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
    const k = i % ports.length;
    pending.push(timeOne(ports[k]!, headers[k]!).then((ms) => void times[k]!.push(ms)));
  }
  await Promise.all(pending);
  return times.map(sorted);
}

/** Chunks per second over `streams` concurrent streams. */
async function chunksPerSecond(port: number, streams: number, chunks: number): Promise<number> {
  const began = performance.now();
  await Promise.all(
    Array.from(
      { length: streams },
      () =>
        new Promise<void>((resolve) => {
          send(port, { "x-chunks": String(chunks) }, (response) => {
            response.resume();
            response.on("end", resolve);
          });
        }),
    ),
  );
  return (streams * chunks * 1_000) / (performance.now() - began);
}

const ms = (value: number): string => `${value.toFixed(3)} ms`;
const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Way {
  readonly what: string;
  readonly port: number;
  readonly headers?: Record<string, string>;
}

/** All ways in turn, 200 requests a second each; the first one is the yardstick. */
async function compare(ways: readonly Way[]): Promise<void> {
  const ports = ways.map(({ port }) => port);
  const headers = ways.map((way) => way.headers ?? {});
  const times = await latencies(200 * ways.length, 8, ports, headers);
  ways.forEach(({ what }, k) => {
    const told = [0.5, 0.9].map((q) => {
      const [a, b] = [quantile(times[0]!, q), quantile(times[k]!, q)];
      return `p${q * 100} ${ms(b)}${k === 0 ? "" : `, added ${ms(b - a)} (x${(b / a).toFixed(2)})`}`;
    });
    print(`${what}, 200/s: ${told.join("; ")}`);
  });
}

const server = await startThread("model-server");
const sidecar = await startThread("sidecar", server.port);
const bare = await startThread("bare-proxy", server.port);
await latencies(400, 3, [server.port, sidecar.port, bare.port], [{}, {}, {}]);

const direct: Way = { what: "direct", port: server.port };
await compare([
  direct,
  { what: "the least proxy of node:http", port: bare.port },
  { what: "pass-through", port: sidecar.port },
]);
const prefiller = { "x-prefiller-host-port": `127.0.0.1:${server.port}` };
await compare([direct, { what: "both legs (nixlv2)", port: sidecar.port, headers: prefiller }]);

for (const [what, port] of [
  ["direct", server.port],
  ["the least proxy", bare.port],
  ["pass-through", sidecar.port],
] as const) {
  const rates: number[] = [];
  for (let i = 0; i < 5; i++) rates.push(await chunksPerSecond(port, 8, 10_000));
  print(`event streams, 8 at a time, ${what}: ${Math.round(quantile(sorted(rates), 0.5))} chunks/s, median of 5`);
}
process.exit(0);
