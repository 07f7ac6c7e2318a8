import type { IncomingMessage, ServerResponse } from "node:http";
import { contentFormat } from "@pointsman/inference-api";
import { fieldOf, type RawHeaders } from "./headers.ts";

interface Head {
  readonly status: number;
  readonly headers: RawHeaders;
}

function writeHead(response: ServerResponse, { status, headers }: Head): void {
  response.writeHead(status, headers as string[]);
  // An event stream's head says that it has begun; other heads travel with the first bytes.
  if (contentFormat(fieldOf(headers, "content-type")) === "sse") response.flushHeaders();
}

/**
 * Sends an answer chunk by chunk, as fast as the client reads. Leaves early when the client is gone.
 *
 * @throws whatever the body throws; the client's connection is then cut, so that nobody takes the half for the whole
 */
export async function sendAnswer(response: ServerResponse, answer: Head & { body: AsyncIterable<Uint8Array> }) {
  writeHead(response, answer);
  try {
    for await (const chunk of answer.body) {
      if (response.destroyed) return;
      if (chunk.length > 0 && !response.write(chunk)) await drained(response);
    }
  } catch (error) {
    response.destroy();
    throw error;
  }
  response.end();
}

/** The same for a message that passes untouched. Resolves with false when it broke off, then the client's end is cut. */
export function passAnswer(response: ServerResponse, answer: Head & { body: IncomingMessage }): Promise<boolean> {
  const { body } = answer;
  if (body.complete) {
    // Short answers are all there by now: one write instead of two.
    response.writeHead(answer.status, answer.headers as string[]);
    response.end(body.read() as Buffer | null);
    body.resume();
    return Promise.resolve(true);
  }
  writeHead(response, answer);
  return new Promise((resolve) => {
    body.once("close", () => {
      if (body.complete) return;
      response.destroy();
      resolve(false);
    });
    body.once("end", () => resolve(true));
    response.once("close", () => {
      if (!body.complete) body.destroy();
    });
    body.pipe(response);
  });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    if (response.destroyed) return resolve();
    response.on("drain", done).on("close", done);
  });
}
