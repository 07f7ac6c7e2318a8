import { contentFormat } from "@pointsman/inference-api";
import type { DecodeAnswer } from "@pointsman/plugin-api";
import { fieldOf } from "../http/headers.ts";

/** True when the answer is an event stream that can be read. */
export function isSse({ headers }: DecodeAnswer): boolean {
  return contentFormat(fieldOf(headers, "content-type"), fieldOf(headers, "content-encoding")) === "sse";
}

export interface Peeked {
  /** What was read. */
  readonly seen: Buffer;
  /** The whole body, `seen` included. Read it once. */
  readonly rest: AsyncIterable<Uint8Array>;
  /** Instead of reading `rest`: gives the body up. */
  giveUp(): Promise<void>;
}

/** Reads the beginning of a body: until it is enough, or the end. Rejects when the body breaks off before. */
export async function peekBody(body: AsyncIterable<Uint8Array>, enough: (seen: Buffer) => boolean): Promise<Peeked> {
  const iterator = body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let seen: Buffer = Buffer.alloc(0);
  let ended = false;
  while (!ended && (seen.length === 0 || !enough(seen))) {
    const step = await iterator.next();
    if (step.done === true) ended = true;
    else {
      chunks.push(step.value);
      seen = chunks.length === 1 ? Buffer.from(step.value) : Buffer.concat([seen, step.value]);
    }
  }
  const giveUp = async (): Promise<void> => void (await iterator.return?.());
  return { seen, rest: resumed(chunks, iterator, ended, giveUp), giveUp };
}

async function* resumed(
  chunks: readonly Uint8Array[],
  iterator: AsyncIterator<Uint8Array>,
  ended: boolean,
  giveUp: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let finished = ended;
  try {
    yield* chunks;
    while (!finished) {
      const step = await iterator.next();
      if (step.done === true) finished = true;
      else yield step.value;
    }
  } finally {
    if (!finished) await giveUp();
  }
}
