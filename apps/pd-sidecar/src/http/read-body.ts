import type { IncomingMessage } from "node:http";
import type { BufferBudget, Reservation } from "../admission/buffer-budget.ts";
import { Refusal } from "./own-answers.ts";

/** A request or answer that is in memory; `reserved` is the caller's to give back. */
export interface ReadBody {
  readonly bytes: Buffer;
  readonly reserved: Reservation;
}

/** The peer went away in the middle of a body. */
export class BrokenBody extends Error {
  override readonly name = "BrokenBody";
}

export interface ReadLimits {
  /** Largest body. */
  readonly maxBytes: number;
  readonly budget: BufferBudget;
  /** How many copies of the body will exist at a time; so much is reserved. */
  readonly copies: number;
}

/**
 * Reads a whole body. What is announced or read is taken from the budget at once.
 *
 * @throws Refusal 413 above the limit, 503 when the budget is used up; the rest then stays unread
 * @throws BrokenBody when the message breaks off
 */
export function readBody(message: IncomingMessage, { maxBytes, budget, copies }: ReadLimits): Promise<ReadBody> {
  const announced = Number(message.headers["content-length"] ?? Number.NaN);
  if (announced > maxBytes) return Promise.reject(tooLarge(maxBytes));
  const reserved = budget.open();
  if (announced > 0 && !reserved.grow(announced * copies)) return Promise.reject(noRoom());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void): void => {
      message.off("data", onData).off("end", onEnd).off("close", onClose);
      act();
    };
    const fail = (error: Error): void =>
      settle(() => {
        message.pause();
        chunks.length = 0;
        reserved.release();
        reject(error);
      });
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) fail(tooLarge(maxBytes));
      else if (size * copies > reserved.bytes && !reserved.grow(size * copies - reserved.bytes)) fail(noRoom());
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      if (!message.complete) onClose();
      else settle(() => resolve({ bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size), reserved }));
    };
    const onClose = (): void => fail(new BrokenBody("the message broke off"));
    if (message.destroyed && !message.complete) return onClose();
    message.on("data", onData).on("end", onEnd).on("close", onClose);
    // Told by `close` as well; without a listener it would end the process.
    message.on("error", () => {});
  });
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(413, `The body is larger than ${maxBytes} bytes.`);
}

function noRoom(): Refusal {
  return new Refusal(503, "The sidecar has no room for another body at the moment.", 1);
}
