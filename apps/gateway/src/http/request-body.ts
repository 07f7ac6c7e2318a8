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

/** The length that the client announced exceeds the limit. */
export function announcesMoreThan(request: IncomingMessage, maxBytes: number): boolean {
  return Number(request.headers["content-length"] ?? 0) > maxBytes;
}

/** Reads a body into memory. After more than `maxBytes` it reads no further; the rest stays unread. */
export function collectBody(request: IncomingMessage, maxBytes: number): Promise<CollectedBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (result: CollectedBody): void => {
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        request.pause();
        settle({ kind: "too-large" });
      } else chunks.push(chunk);
    };
    const onEnd = (): void =>
      settle({ kind: "complete", body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes) });
    const onClose = (): void => settle({ kind: "broken" });
    request.on("data", onData).on("end", onEnd).on("close", onClose);
    request.on("error", () => {});
  });
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
