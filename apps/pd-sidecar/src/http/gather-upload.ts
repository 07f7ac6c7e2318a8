import type { IncomingMessage } from "node:http";
import { rawValue } from "./headers.ts";
import { BrokenBody } from "./read-body.ts";

/** Smaller uploads are sent on in one piece, and can be sent a second time. */
const SMALL = 65_536;

/** An upload that goes on as it comes, behind what was read of it. */
export interface PassingUpload {
  readonly head: readonly Buffer[];
  readonly rest: IncomingMessage;
}

/**
 * A small upload as a whole, or the beginning of a larger one, which is then paused. Undefined when there is no body.
 *
 * @throws BrokenBody when the client goes away
 */
export function gatherUpload(message: IncomingMessage): Promise<Buffer | PassingUpload | undefined> {
  const length = rawValue(message.rawHeaders, "content-length");
  if (length === undefined && rawValue(message.rawHeaders, "transfer-encoding") === undefined)
    return Promise.resolve(undefined);
  if (Number(length ?? 0) > SMALL) return Promise.resolve({ head: [], rest: message });
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const leave = (): void => {
      message.off("data", onData).off("end", onEnd).off("close", onClose);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= SMALL) return;
      message.pause();
      leave();
      resolve({ head: chunks, rest: message });
    };
    const onEnd = (): void => {
      leave();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    };
    const onClose = (): void => {
      leave();
      reject(new BrokenBody("the upload broke off"));
    };
    message.on("data", onData).on("end", onEnd).on("close", onClose);
    // Told by `close` as well; without a listener it would end the process.
    message.on("error", () => {});
  });
}
