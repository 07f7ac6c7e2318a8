import { isIPv6 } from "node:net";
import { type AnswerFault, type AnswerReader, createAnswerReader } from "./answer-reader.ts";
import { type Connection, dial } from "./connection.ts";
import { ScrapeError, type ScrapeErrorCode } from "./scrape-error.ts";
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
   * The body of a 200 answer, valid until the same target is asked again. One question at a time for each target:
   * others wait their turn. There is no time limit of its own: that is the signal's business.
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

/** What is kept of one target. */
interface Line {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly question: Uint8Array;
  readonly reader: AnswerReader;
  connection: Connection | undefined;
  /** Settles when the question under way has its answer. */
  busy: Promise<unknown> | undefined;
  /** Ends the question under way, when the line is dropped. */
  fail: ((error: ScrapeError) => void) | undefined;
}

export function createScrapeClient(options: ScrapeClientOptions): ScrapeClient {
  const { tls, maxBodyBytes } = options;
  const lines = new Map<string, Line>();
  let closed = false;

  function lineTo(target: ScrapeTarget): Line {
    const port = options.port ?? target.port;
    const known = lines.get(target.id);
    if (known !== undefined && known.host === target.host && known.port === port) return known;
    if (known !== undefined) drop(known);
    const authority = `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${port}`;
    const line: Line = {
      host: target.host,
      port,
      url: `${tls === undefined ? "http" : "https"}://${authority}${options.path}`,
      question: Buffer.from(
        `GET ${options.path} HTTP/1.1\r\nhost: ${authority}\r\naccept: ${options.accept}\r\nconnection: keep-alive\r\n\r\n`,
        "latin1",
      ),
      reader: createAnswerReader(maxBodyBytes),
      connection: undefined,
      busy: undefined,
      fail: undefined,
    };
    lines.set(target.id, line);
    return line;
  }

  function drop(line: Line): void {
    line.connection?.close();
    line.connection = undefined;
    line.fail?.(new ScrapeError("ERR_SCRAPE_UNREACHABLE", `${line.url}: the connection was closed`));
  }

  /** One question and its answer. */
  function ask(line: Line, signal: AbortSignal): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        signal.removeEventListener("abort", onAbort);
        line.fail = undefined;
      };
      const fail = (error: unknown): void => {
        settle();
        line.connection?.close();
        line.connection = undefined;
        reject(error);
      };
      const onAbort = (): void => fail(signal.reason);
      const send = (): void => {
        if (line.connection?.isUsable !== true) {
          line.connection?.close();
          line.connection = dial({ host: line.host, port: line.port, tls, reader: line.reader });
        }
        const { isReused } = line.connection;
        line.connection.ask(line.question, answered, (fault, cause) => {
          // The server may close an idle connection at the very moment it is used again: that says nothing about it.
          if (isReused && fault.fault === "broken-off" && !line.reader.begun) send();
          else fail(errorOf(fault, line, cause));
        });
      };
      const answered = (): void => {
        settle();
        resolve(line.reader.body);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      line.fail = fail;
      send();
    });
  }

  return {
    async get(target, signal) {
      const usable = (): Line => {
        signal.throwIfAborted();
        if (closed) throw new ScrapeError("ERR_SCRAPE_CLOSED", "the client is closed");
        return lineTo(target);
      };
      let line = usable();
      while (line.busy !== undefined) {
        await line.busy.catch(() => {});
        line = usable();
      }
      const asked = ask(line, signal);
      line.busy = asked;
      try {
        return await asked;
      } finally {
        line.busy = undefined;
      }
    },
    forget(targetId) {
      const line = lines.get(targetId);
      if (line !== undefined) drop(line);
      lines.delete(targetId);
    },
    close() {
      closed = true;
      for (const line of lines.values()) drop(line);
      lines.clear();
    },
  };
}

const codes: Readonly<Record<AnswerFault["fault"], ScrapeErrorCode>> = {
  status: "ERR_SCRAPE_STATUS",
  "too-large": "ERR_SCRAPE_TOO_LARGE",
  encoding: "ERR_SCRAPE_ENCODING",
  malformed: "ERR_SCRAPE_UNREACHABLE",
  "broken-off": "ERR_SCRAPE_UNREACHABLE",
};

function errorOf({ fault, detail }: AnswerFault, { url, reader }: Line, cause: Error | undefined): ScrapeError {
  const why = cause === undefined || cause.message === "" ? "" : `: ${cause.message}`;
  return new ScrapeError(codes[fault], `${url}: ${detail}${why}`, {
    ...(reader.status === 0 ? {} : { status: reader.status }),
    ...(cause === undefined ? {} : { cause }),
  });
}
