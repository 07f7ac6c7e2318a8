import { type ChildProcess, fork } from "node:child_process";
import {
  createGrpcJsTransport,
  createNativeTransport,
  type ExtProcTransport,
  type ExtProcTransportOptions,
} from "../src/index.ts";
import { endFrame, messageFrame, openFrame, RawClient, type Step } from "./raw-client.ts";
import { HEADERS, protocolConfig } from "./sample-request.ts";

/**
 * The two transports with the same stream machine and an exchange that does nothing, each in a process of its own,
 * asked in turn. A life cycle is nine messages each way: request headers and body, response headers, five chunks, the
 * end; each chunk waits for its answer.
 */

const TRANSPORTS: Readonly<Record<string, (options: ExtProcTransportOptions) => ExtProcTransport>> = {
  native: createNativeTransport,
  "grpc-js": createGrpcJsTransport,
};
const CONNECTIONS = 4;
const STREAMS = 8;
const ROUNDS = 7;
const LIFE_CYCLES: Readonly<Record<string, number>> = { native: 20_000, "grpc-js": 3_000 };
const IDLE_STREAMS = 10_000;
const MEBIBYTE = 1_048_576;

interface Usage {
  readonly cpu: NodeJS.CpuUsage;
  readonly rss: number;
}

async function serve(name: string): Promise<void> {
  const transport = TRANSPORTS[name]!({
    handler: {
      open: () => ({
        route: () => ({ kind: "route", destination: "10.1.2.3:8000", setHeaders: [], removeHeaders: [] }),
        bodyTooLarge: () => ({ kind: "reject", status: 413, headers: [], body: Buffer.alloc(0) }),
        responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "none" }),
        responseBody: (chunk) => chunk,
        end() {},
      }),
    },
  });
  const { port } = await transport.listen({ host: "127.0.0.1", port: 0 });
  process.on("message", (wish) => {
    if (wish === "collect") for (let i = 0; i < 3; i++) globalThis.gc?.();
    process.send!({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss } satisfies Usage);
  });
  process.send!(port);
}

const request = Buffer.concat([
  openFrame(),
  messageFrame({ kind: "request_headers", headers: HEADERS, protocolConfig }),
  messageFrame({ kind: "request_body", body: Buffer.alloc(2048, 0x61), endOfStream: true }),
]);
const responseHeaders = messageFrame({ kind: "response_headers", headers: [[":status", "200"]] });
const chunk = messageFrame({ kind: "response_body", body: Buffer.alloc(220, 0x62) });
const lastChunk = messageFrame({ kind: "response_body", endOfStream: true });

const LIFE_CYCLE: readonly Step[] = [
  { frames: request, answers: 2 },
  { frames: responseHeaders, answers: 1 },
  ...Array.from({ length: 5 }, () => ({ frames: chunk, answers: 1 })),
  { frames: lastChunk, answers: 1 },
  { frames: endFrame(), answers: 0 },
];

function runLifeCycles(port: number, count: number): Promise<void> {
  return new Promise((resolve) => {
    let started = 0;
    let finished = 0;
    const clients = Array.from({ length: CONNECTIONS }, () => {
      const client = new RawClient(port, LIFE_CYCLE, () => {
        finished++;
        if (started < count) {
          started++;
          client.open();
        } else if (finished === count) {
          for (const each of clients) each.close();
          resolve();
        }
      });
      return client;
    });
    for (const client of clients) {
      for (let i = 0; i < STREAMS; i++) {
        started++;
        client.open();
      }
      client.flush();
    }
  });
}

/** Requests that were answered and wait for their model. */
function openIdleStreams(port: number): Promise<RawClient> {
  return new Promise((resolve) => {
    let answered = 0;
    const client = new RawClient(port, [{ frames: request, answers: 2 }], () => {
      answered++;
      if (answered === IDLE_STREAMS) resolve(client);
      else if (answered % STREAMS === 0) more();
    });
    const more = () => {
      for (let i = 0; i < STREAMS; i++) client.open();
    };
    more();
    client.flush();
  });
}

interface ServerProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
  usage(wish?: "collect"): Promise<Usage>;
}

async function start(name: string): Promise<ServerProcess> {
  const child = fork(import.meta.filename, ["server", name], { execArgv: [...process.execArgv, "--expose-gc"] });
  const next = <T>(): Promise<T> => new Promise((resolve) => child.once("message", (message) => resolve(message as T)));
  const port = await next<number>();
  return {
    name,
    child,
    port,
    usage(wish) {
      const answer = next<Usage>();
      child.send(wish ?? "usage");
      return answer;
    },
  };
}

interface Round {
  readonly perSecond: number;
  readonly cpuMicros: number;
}

async function round(server: ServerProcess): Promise<Round> {
  const count = LIFE_CYCLES[server.name]!;
  const before = await server.usage();
  const startedAt = performance.now();
  await runLifeCycles(server.port, count);
  const seconds = (performance.now() - startedAt) / 1000;
  const { cpu } = await server.usage();
  const micros = cpu.user + cpu.system - before.cpu.user - before.cpu.system;
  return { perSecond: count / seconds, cpuMicros: micros / count };
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

async function measure(): Promise<void> {
  const servers = await Promise.all(Object.keys(TRANSPORTS).map(start));
  const rounds = new Map(servers.map(({ name }) => [name, [] as Round[]]));
  for (const server of servers) await round(server);
  for (let i = 0; i < ROUNDS; i++) {
    for (const server of servers) rounds.get(server.name)!.push(await round(server));
  }
  console.log(
    `life cycles of 9 messages each way, ${CONNECTIONS} connections × ${STREAMS} streams, median of ${ROUNDS}`,
  );
  for (const [name, results] of rounds) {
    const cpu = median(results.map(({ cpuMicros }) => cpuMicros));
    const rate = median(results.map(({ perSecond }) => perSecond));
    console.log(
      `${name.padEnd(10)} ${cpu.toFixed(1).padStart(7)} µs CPU, ${Math.round(1e6 / cpu)} per second and core; ${Math.round(rate)} per second came about`,
    );
  }
  const ratios = rounds.get("grpc-js")!.map(({ cpuMicros }, i) => cpuMicros / rounds.get("native")![i]!.cpuMicros);
  console.log(
    `ratio      ${median(ratios).toFixed(2).padStart(7)} (CPU of grpc-js ÷ native, median of the rounds' ratios)`,
  );
  for (const { child } of servers) child.kill("SIGKILL");

  for (const name of Object.keys(TRANSPORTS)) {
    const server = await start(name);
    await runLifeCycles(server.port, 1_000);
    const idle = await server.usage("collect");
    const client = await openIdleStreams(server.port);
    const open = await server.usage("collect");
    const added = (open.rss - idle.rss) / MEBIBYTE;
    console.log(`${name.padEnd(10)} ${added.toFixed(1).padStart(7)} MiB above idle with ${IDLE_STREAMS} open streams`);
    client.close();
    server.child.kill("SIGKILL");
  }
}

if (process.argv[2] === "server") await serve(process.argv[3]!);
else await measure();
