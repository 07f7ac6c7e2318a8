import type { BodySource } from "../upstream/body-source.ts";

export type WholeBody =
  | { readonly kind: "complete"; readonly body: Buffer }
  | { readonly kind: "too-large" | "broken" };

/** Reads a response body into memory; gives the response up after more than `maxBytes`. */
export function readWholeBody(source: BodySource, maxBytes: number): Promise<WholeBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    source.start({
      data(chunk) {
        bytes += chunk.length;
        if (bytes <= maxBytes) chunks.push(chunk);
        else {
          source.abort();
          resolve({ kind: "too-large" });
        }
      },
      ended: () => resolve({ kind: "complete", body: Buffer.concat(chunks, bytes) }),
      failed: () => resolve({ kind: "broken" }),
    });
  });
}
