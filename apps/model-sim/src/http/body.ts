import type { IncomingMessage } from "node:http";
import { ApiError } from "../formats/api-error.ts";

/** Rejects a read whose client has gone. There is nobody to answer. */
export class ClientGone extends Error {
  constructor() {
    super("the client closed the connection before the end of its request");
    this.name = "ClientGone";
  }
}

/**
 * Reads a whole request body. What goes beyond the limit is not kept, and the rest is read and dropped by the server
 * after the answer, so that the client gets to read it.
 *
 * @throws {ApiError} 413 as soon as the body is known to be longer than `maxBytes`
 * @throws {ClientGone} when the connection ends first
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A body that breaks off emits "error" before "close"; unheard it would end the process.
    request.on("error", () => undefined);
    const tooLarge = (): ApiError =>
      new ApiError(413, `The request body is longer than the ${maxBytes} bytes that this server accepts.`);
    if (declaredLength(request) > maxBytes) {
      request.resume();
      reject(tooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= maxBytes) return;
      settle();
      request.resume();
      reject(tooLarge());
    };
    const onEnd = (): void => {
      settle();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length));
    };
    const onGone = (): void => {
      settle();
      reject(new ClientGone());
    };
    const settle = (): void => {
      request.off("data", onData).off("end", onEnd).off("close", onGone);
    };
    request.on("data", onData).on("end", onEnd).on("close", onGone);
  });
}

/** The length in the headers, or 0 when they tell none. */
export function declaredLength(request: IncomingMessage): number {
  return Number(request.headers["content-length"] ?? 0);
}
