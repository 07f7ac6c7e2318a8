import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from "node:http";
import https from "node:https";
import { isIPv6 } from "node:net";
import { ScrapeError } from "./scrape-error.ts";
import type { TlsMaterial } from "./tls-material.ts";

export interface ScrapeClientOptions {
  /** Absolute path, with a query if need be. */
  readonly path: string;
  /** Media type asked for. */
  readonly accept: string;
  /** Port to ask instead of the target's own. */
  readonly port?: number | undefined;
  /** Larger answers are an error. Bytes. */
  readonly maxBodyBytes: number;
  /** Present for https, absent for plain http. */
  readonly tls?: TlsMaterial | undefined;
}

/** Whom to ask; an `Endpoint` fits. */
export interface ScrapeTarget {
  readonly id: string;
  /** IP address or host name, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** GETs one path of many servers, over one kept connection to each. */
export interface ScrapeClient {
  /**
   * The body of a 200 answer; the caller owns it. There is no time limit of its own: that is the signal's business.
   *
   * @throws the signal's reason when it aborts, a {@link ScrapeError} for everything else. The connection is closed
   *   in both cases, so that nothing of a broken answer is ever read as the next one.
   */
  get(target: ScrapeTarget, signal: AbortSignal): Promise<Buffer>;
  /** Closes the connection to a target that has left; one under way fails. */
  forget(targetId: string): void;
  /** Closes everything, for good. */
  close(): void;
}

/** A connection nobody has used for this long is closed: it is cheaper to dial again than to keep it. */
const idleMs = 90_000;

interface Line {
  readonly agent: http.Agent;
  readonly host: string;
  readonly port: number;
  readonly options: RequestOptions;
  readonly url: string;
}

export function createScrapeClient(options: ScrapeClientOptions): ScrapeClient {
  const { tls, maxBodyBytes } = options;
  const transport = tls === undefined ? http : https;
  const lines = new Map<string, Line>();
  let closed = false;

  function lineTo(target: ScrapeTarget): Line {
    const port = options.port ?? target.port;
    const known = lines.get(target.id);
    if (known !== undefined && known.host === target.host && known.port === port) return known;
    known?.agent.destroy();
    const agent = new transport.Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1, timeout: idleMs });
    const { host } = target;
    const line: Line = {
      agent,
      host,
      port,
      url: `${tls === undefined ? "http" : "https"}://${isIPv6(host) ? `[${host}]` : host}:${port}${options.path}`,
      options: { agent, host, port, path: options.path, headers: { accept: options.accept }, ...tls },
    };
    lines.set(target.id, line);
    return line;
  }

  return {
    async get(target, signal) {
      signal.throwIfAborted();
      if (closed) throw new ScrapeError("ERR_SCRAPE_CLOSED", "the client is closed");
      const line = lineTo(target);
      const exchange = { request: transport.request, line, maxBodyBytes, signal };
      try {
        return await getOnce(exchange);
      } catch (error) {
        // The server may close an idle connection at the very moment it is used again: that says nothing about it.
        // A target that was forgotten meanwhile is not dialled again: nobody would close that connection.
        if (!(error instanceof StaleConnection) || signal.aborted || lines.get(target.id) !== line) throw error;
        return await getOnce(exchange);
      }
    },
    forget(targetId) {
      lines.get(targetId)?.agent.destroy();
      lines.delete(targetId);
    },
    close() {
      closed = true;
      for (const { agent } of lines.values()) agent.destroy();
      lines.clear();
    },
  };
}

/** A kept connection broke before the first byte of an answer. */
class StaleConnection extends ScrapeError {}

interface Exchange {
  readonly request: (options: RequestOptions) => ClientRequest;
  readonly line: Line;
  readonly maxBodyBytes: number;
  readonly signal: AbortSignal;
}

function getOnce({ request: open, line, maxBodyBytes, signal }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const request = open(line.options);
    let answered = false;
    let settled = false;
    const fail = (error: unknown): void => {
      if (settled) return;
      settled = true;
      signal.removeEventListener("abort", onAbort);
      request.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason);
    const onBroken = (cause?: unknown): void => {
      const Kind = request.reusedSocket && !answered ? StaleConnection : ScrapeError;
      const why = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
      const what = answered ? "the answer broke off" : "no answer";
      fail(new Kind("ERR_SCRAPE_UNREACHABLE", `${line.url}: ${what}${why}`, { cause }));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    // Stays for the life of the request: an error event without a listener would end the process.
    request.on("error", onBroken);
    request.on("close", () => {
      if (!answered) onBroken();
    });
    request.on("response", (response) => {
      answered = true;
      response.on("error", onBroken);
      response.on("close", () => {
        if (!response.complete) onBroken();
      });
      const refusal = refusalOf(response, line.url, maxBodyBytes);
      if (refusal !== undefined) return fail(refusal);
      readBody(response, maxBodyBytes, (body) => {
        if (settled) return;
        if (body === undefined) return fail(tooLarge(line.url, maxBodyBytes));
        settled = true;
        signal.removeEventListener("abort", onAbort);
        resolve(body);
      });
    });
    request.end();
  });
}

function refusalOf(response: IncomingMessage, url: string, maxBodyBytes: number): ScrapeError | undefined {
  const status = response.statusCode ?? 0;
  if (status !== 200)
    return new ScrapeError("ERR_SCRAPE_STATUS", `${url}: status ${status} instead of 200`, { status });
  const encoding = response.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    return new ScrapeError("ERR_SCRAPE_ENCODING", `${url}: the answer is compressed (${encoding.slice(0, 40)})`, {
      status,
    });
  }
  return Number(response.headers["content-length"]) > maxBodyBytes ? tooLarge(url, maxBodyBytes) : undefined;
}

function tooLarge(url: string, maxBodyBytes: number): ScrapeError {
  return new ScrapeError("ERR_SCRAPE_TOO_LARGE", `${url}: the answer is larger than ${maxBodyBytes} bytes`, {
    status: 200,
  });
}

/** Calls back with the whole body, or with undefined as soon as it is too large. */
function readBody(response: IncomingMessage, maxBodyBytes: number, done: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBodyBytes) done(undefined);
    else chunks.push(chunk);
  });
  response.on("end", () => {
    if (response.complete) done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
  });
}
