import { fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { createScrapeClient, type ScrapeTarget } from "../src/index.ts";

/**
 * What one GET of a 32 KiB page costs the process that asks: user and system time, in turn with `node:http` and a
 * keep-alive agent. The servers are a process of their own; the connections are spread over many targets, a few
 * questions at a time, as the scrape loop asks them.
 */

const PAGE_BYTES = 32_768;
const TARGETS = 100;
const AT_A_TIME = 4;
const SCRAPES = 6_000;
const ROUNDS = 7;

type Get = (target: ScrapeTarget) => Promise<Buffer>;

function serve(): void {
  const page = Buffer.alloc(PAGE_BYTES, "vllm:num_requests_waiting 1\n");
  const server = http.createServer((request, response) => {
    if (request.url === "/chunked") {
      response.write(page.subarray(0, PAGE_BYTES / 2));
      response.end(page.subarray(PAGE_BYTES / 2));
    } else response.setHeader("content-length", PAGE_BYTES).end(page);
  });
  server.listen(0, "127.0.0.1", () => process.send!((server.address() as { port: number }).port));
}

/** The same with what Node has: the baseline. */
function nodeGet(path: string): { get: Get; close: () => void } {
  const agents = new Map<string, http.Agent>();
  return {
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
    get({ id, host, port }) {
      let agent = agents.get(id);
      if (agent === undefined) agents.set(id, (agent = new http.Agent({ keepAlive: true, maxSockets: 1 })));
      return new Promise((resolve, reject) => {
        const request = http.request({ agent, host, port, path, headers: { accept: "text/plain" } }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => resolve(Buffer.concat(chunks)));
        });
        request.on("error", reject);
        request.end();
      });
    },
  };
}

function ourGet(path: string): { get: Get; close: () => void } {
  const client = createScrapeClient({ path, accept: "text/plain", maxBodyBytes: 8_388_608 });
  const { signal } = new AbortController();
  return { get: (target) => client.get(target, signal), close: () => client.close() };
}

/** CPU µs of one scrape. */
async function measure(get: Get, targets: readonly ScrapeTarget[]): Promise<number> {
  const before = process.cpuUsage();
  let asked = 0;
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      while (asked < SCRAPES) {
        const page = await get(targets[asked++ % targets.length]!);
        if (page.length !== PAGE_BYTES) throw new Error(`a page of ${page.length} bytes`);
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return (user + system) / SCRAPES;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

async function compare(path: string): Promise<void> {
  const child = fork(import.meta.filename, ["serve"], { execArgv: process.execArgv });
  const [port] = (await once(child, "message")) as [number];
  const targets = Array.from({ length: TARGETS }, (_, i) => ({ id: `default/${i}`, host: "127.0.0.1", port }));
  const ways = { "node:http": nodeGet(path), ours: ourGet(path) };
  const costs: Record<string, number[]> = { "node:http": [], ours: [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, { get }] of Object.entries(ways)) {
      const cost = await measure(get, targets);
      if (round > 0) costs[name]!.push(cost);
    }
  }
  for (const { close } of Object.values(ways)) close();
  child.kill();
  const [node, ours] = [median(costs["node:http"]!), median(costs["ours"]!)];
  console.log(
    `${path.padEnd(9)} 32 KiB  node:http ${node.toFixed(0)} µs CPU  ours ${ours.toFixed(0)} µs CPU  ratio ${(node / ours).toFixed(1)}`,
  );
}

if (process.argv[2] === "serve") serve();
else {
  await compare("/length");
  await compare("/chunked");
}
