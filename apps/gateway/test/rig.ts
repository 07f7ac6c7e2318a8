import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { createGateway, type Gateway } from "../src/gateway.ts";
import type { GatewayOptions } from "../src/options.ts";
import { type FakePicker, type Script, startPicker } from "./fake-picker.ts";

/** Starts parts, and ends them after the test. */
export interface Rig {
  upstream(handler: (request: UpstreamSeen, response: ServerResponse) => void): Promise<Upstream>;
  picker(script: Script, port?: number): Promise<FakePicker>;
  gateway(options: Partial<GatewayOptions> & { picker: string }): Promise<Gateway>;
  end(): Promise<void>;
}

export interface UpstreamSeen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export interface Upstream {
  readonly address: string;
  readonly seen: UpstreamSeen[];
  /** Requests whose client went away. */
  aborted(): number;
  readonly server: Server;
}

export function createRig(): Rig {
  const closers: (() => unknown)[] = [];
  return {
    async upstream(handler) {
      const seen: UpstreamSeen[] = [];
      let aborted = 0;
      const server = createServer(async (incoming, response) => {
        const chunks: Buffer[] = [];
        response.on("close", () => {
          if (!response.writableFinished) aborted++;
        });
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        const { method = "", url: path = "", headers } = incoming;
        const one = { method, path, headers, body: Buffer.concat(chunks) };
        seen.push(one);
        handler(one, response);
      });
      const port = await listenOn(server);
      closers.push(() => {
        server.close();
        server.closeAllConnections();
      });
      return { address: `127.0.0.1:${port}`, seen, aborted: () => aborted, server };
    },
    async picker(script, port) {
      const picker = await startPicker(script, port);
      closers.push(() => picker.kill());
      return picker;
    },
    async gateway(options) {
      const faults: unknown[] = [];
      const gateway = await createGateway({
        host: "127.0.0.1",
        port: 0,
        onFault: (fault) => faults.push(fault),
        ...options,
      });
      closers.push(async () => {
        await gateway.close();
        if (faults.length > 0) throw faults[0];
      });
      return gateway;
    },
    async end() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

async function listenOn(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as { port: number }).port;
}

/** An address on which nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = createTcpServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

export interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

export interface Called {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Sends a request on a connection of its own and waits for the response's head. */
export async function open(
  gateway: Gateway,
  { method, path = "/v1/completions", headers = {}, body }: CallOptions = {},
) {
  const outgoing = request(`${gateway.url}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers,
    agent: false,
  });
  outgoing.on("error", () => {});
  outgoing.end(body);
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  return { outgoing, incoming };
}

/** Sends a request and reads the whole response; rejects if it is cut off. */
export async function call(gateway: Gateway, options: CallOptions = {}): Promise<Called> {
  const { incoming } = await open(gateway, options);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks).toString() };
}

/** Waits until something holds; the test's time limit is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
