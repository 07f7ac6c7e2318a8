import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach } from "vitest";

export type JsonObject = Record<string, unknown>;

/** One request as a backend saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The body, parsed; an empty object where it is none. */
  readonly json: JsonObject;
}

/** Answers one request; the n-th has index n − 1. */
export type Reply = (response: ServerResponse, seen: Seen, index: number) => void;

/** A server that writes down what it is asked. */
export class Backend {
  readonly seen: Seen[] = [];
  readonly address: string;
  readonly port: number;
  /** How it answers from now on. */
  reply: Reply;

  constructor(port: number, reply: Reply) {
    this.port = port;
    this.address = `127.0.0.1:${port}`;
    this.reply = reply;
  }

  get last(): Seen {
    return this.seen.at(-1)!;
  }
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Starts a backend that is closed behind the test. */
export async function startBackend(reply: Reply = json({ id: "x", object: "chat.completion" }), port = 0) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const { method, url, headers } = request;
      backend.seen.push({ method: method!, path: url!, headers, text, json: parsed(text) });
      backend.reply(response, backend.last, backend.seen.length - 1);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const backend = new Backend((server.address() as { port: number }).port, reply);
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return backend;
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}

export function json(body: unknown, status = 200): Reply {
  return (response) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export function text(body: string, status = 200): Reply {
  return (response) => response.writeHead(status, { "content-type": "text/plain" }).end(body);
}

/** An event stream of these `data:` values. */
export function sse(...data: readonly (string | object)[]): Reply {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const entry of data) response.write(`data: ${typeof entry === "string" ? entry : JSON.stringify(entry)}\n\n`);
    response.end();
  };
}

/** Replies in turn; the last one again and again. */
export function inTurn(...replies: readonly Reply[]): Reply {
  return (response, seen, index) => replies[Math.min(index, replies.length - 1)]!(response, seen, index);
}

/** Never answers. */
export const hang: Reply = () => {};

/** What a NIXL prefill server hands over. */
export const KV_PARAMS = {
  do_remote_prefill: true,
  do_remote_decode: false,
  remote_engine_id: "engine-1",
  remote_block_ids: [1, 2, 3],
  remote_host: "10.0.0.7",
  remote_port: 5600,
  tp_size: 1,
};

export const prefillAnswer = (more: JsonObject = {}): Reply => json({ kv_transfer_params: KV_PARAMS, ...more });
