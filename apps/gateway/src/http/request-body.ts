import type { IncomingMessage } from "node:http";

export type CollectedBody =
  | { readonly kind: "complete"; readonly body: Buffer }
  | { readonly kind: "too-large" }
  /** The client went away, or broke the framing. */
  | { readonly kind: "broken" };

/** Whether a body follows the head. `content-length: 0` counts as none, as in Envoy. */
export function hasBody(request: IncomingMessage): boolean {
  if (request.headers["transfer-encoding"] !== undefined) return true;
  const length = request.headers["content-length"];
  return length !== undefined && Number(length) > 0;
}

export interface BodyCollection {
  /** Never rejects. */
  readonly result: Promise<CollectedBody>;
  /** Forgets what was read and reads no further; the result is then `broken`. */
  cancel(): void;
}

/** Reads a body into memory. After more than `maxBytes` it reads no further; the rest stays unread. */
export function collectBody(request: IncomingMessage, maxBytes: number): BodyCollection {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let resolve!: (body: CollectedBody) => void;
  const result = new Promise<CollectedBody>((settle) => {
    resolve = settle;
  });
  const stop = (body: CollectedBody): void => {
    request.off("data", onData).off("end", onEnd).off("close", onClose);
    chunks.length = 0;
    resolve(body);
  };
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes <= maxBytes) {
      chunks.push(chunk);
      return;
    }
    request.pause();
    stop({ kind: "too-large" });
  };
  const onEnd = (): void =>
    stop({ kind: "complete", body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes) });
  const onClose = (): void => stop({ kind: "broken" });
  request.on("data", onData).on("end", onEnd).on("close", onClose);
  // An aborted upload is told as an error too; `close` says all that is needed.
  request.on("error", () => {});
  return { result, cancel: () => stop({ kind: "broken" }) };
}

const LINGER_MS = 5_000;

/**
 * Lets a client that is still uploading read the answer that was already given: what it sends is thrown away for a
 * while, because closing at once would reset the connection and lose the answer.
 */
export function discardUpload(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const cutOff = setTimeout(() => request.destroy(), LINGER_MS);
  cutOff.unref();
  request.once("close", () => clearTimeout(cutOff));
}
