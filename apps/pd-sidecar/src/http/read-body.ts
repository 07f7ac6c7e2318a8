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
  /** Longest pause of a sender; 0 or absent: somebody else watches the time. */
  readonly stallMs?: number;
}

/**
 * Reads a whole body. What is read is taken from the budget at once; what is only announced is not, or a client could
 * take all of it with a header.
 *
 * @throws Refusal 413 above the limit, 503 when the budget is used up, 408 after a pause; the rest then stays unread
 * @throws BrokenBody when the message breaks off
 */
export function readBody(message: IncomingMessage, limits: ReadLimits): Promise<ReadBody> {
  const { maxBytes, budget, copies, stallMs = 0 } = limits;
  const announced = Number(message.headers["content-length"] ?? Number.NaN);
  if (announced > maxBytes) return Promise.reject(tooLarge(maxBytes));
  const reserved = budget.open();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stalled = stallMs > 0 ? setTimeout(() => fail(tooSlow(stallMs)), stallMs) : undefined;
    const settle = (act: () => void): void => {
      clearTimeout(stalled);
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
      stalled?.refresh();
      if (size > maxBytes) fail(tooLarge(maxBytes));
      else if (!reserved.grow(chunk.length * copies)) fail(noRoom());
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

function tooSlow(stallMs: number): Refusal {
  return new Refusal(408, `The body stopped for ${stallMs} ms.`);
}
