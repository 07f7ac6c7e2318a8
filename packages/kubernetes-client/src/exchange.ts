import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { ApiError, type Attempt, errorOfAnswer } from "./api-error.ts";
import { createLineSplitter } from "./line-splitter.ts";

/** One HTTP request, complete with credentials. */
export interface Exchange {
  readonly attempt: Attempt;
  readonly secure: boolean;
  readonly options: RequestOptions;
  readonly body: string | undefined;
  readonly contentType: string;
  readonly signal: AbortSignal | undefined;
  /** For an answer as a whole; for lines, the longest silence. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** Sends a request and parses the answer. @throws ApiError */
export async function exchange(given: Exchange): Promise<unknown> {
  const { attempt } = given;
  const limit = AbortSignal.timeout(given.timeoutMs);
  const signal = given.signal === undefined ? limit : AbortSignal.any([given.signal, limit]);
  const response = await open(given, signal);
  const text = await readAll(response, given, signal);
  const status = response.statusCode ?? 0;
  if (status < 200 || status > 299) throw errorOfAnswer(attempt, status, text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("malformed", attempt, "the answer is not JSON", status, cause);
  }
}

/** Sends a request and hands over the lines of the answer as they come. @throws ApiError */
export async function exchangeLines(
  given: Exchange,
  onOpen: () => void,
  onLine: (line: string) => void,
): Promise<void> {
  const silence = new AbortController();
  const renew = (): NodeJS.Timeout =>
    setTimeout(() => silence.abort(new Error(`silent for ${given.timeoutMs} ms`)), given.timeoutMs).unref();
  let timer = renew();
  const signal = given.signal === undefined ? silence.signal : AbortSignal.any([given.signal, silence.signal]);
  try {
    const response = await open(given, signal);
    const status = response.statusCode ?? 0;
    if (status !== 200) throw errorOfAnswer(given.attempt, status, await readAll(response, given, signal));
    onOpen();
    const split = createLineSplitter(given.maxBytes, onLine);
    try {
      for await (const chunk of response) {
        clearTimeout(timer);
        timer = renew();
        split(chunk as Buffer);
      }
    } catch (cause) {
      throw failureOf(given, signal, cause);
    }
  } finally {
    clearTimeout(timer);
  }
}

function open(given: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const { body, contentType, secure, options } = given;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(failureOf(given, signal, cause));
    if (signal.aborted) {
      fail(signal.reason);
      return;
    }
    const send = secure ? httpsRequest : httpRequest;
    const extra = body === undefined ? {} : { "content-type": contentType, "content-length": Buffer.byteLength(body) };
    const headers = { ...(options.headers as Record<string, string>), ...extra };
    const attemptOnce = (isRepeat: boolean): void => {
      const request = send({ ...options, headers, signal }, resolve);
      request.on("error", (cause: NodeJS.ErrnoException) => {
        // The server may close an idle connection in the moment in which it is used again.
        const isStale = request.reusedSocket && cause.code === "ECONNRESET" && !signal.aborted;
        if (isStale && !isRepeat && options.method !== "POST" && options.method !== "PATCH") attemptOnce(true);
        else fail(cause);
      });
      request.end(body);
    };
    attemptOnce(false);
  });
}

async function readAll(response: IncomingMessage, given: Exchange, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      size += (chunk as Buffer).length;
      if (size > given.maxBytes) {
        throw new ApiError("too-large", given.attempt, `the answer has more than ${given.maxBytes} bytes`);
      }
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw failureOf(given, signal, cause);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function failureOf({ attempt, signal: callers, timeoutMs }: Exchange, signal: AbortSignal, cause: unknown): unknown {
  if (cause instanceof ApiError) return cause;
  // The caller's own abort is no fault of the server.
  if (callers?.aborted === true) return callers.reason;
  if (signal.aborted) return new ApiError("unreachable", attempt, `no answer within ${timeoutMs} ms`, undefined, cause);
  const { code, message } = cause as NodeJS.ErrnoException;
  return new ApiError("unreachable", attempt, code === undefined ? message : `${message || code}`, undefined, cause);
}
