/** Types of content parts that an encoder has work with (OpenAI's and vLLM's names). */
const PART_TYPES: ReadonlySet<string> = new Set(["image_url", "audio_url", "video_url", "input_audio"]);
const MARKERS = [...PART_TYPES].map((type) => Buffer.from(`"${type}"`));

/**
 * How many content parts of a chat request are images, audio or video.
 *
 * @param json parses the body; called only when its bytes name one of the types, since most requests are text.
 */
export function countMultimodalParts(body: Uint8Array | undefined, json: () => unknown): number {
  if (body === undefined) return 0;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!MARKERS.some((marker) => bytes.includes(marker))) return 0;
  let count = 0;
  for (const message of listIn(json(), "messages")) {
    for (const part of listIn(message, "content")) {
      const { type } = (part ?? {}) as { readonly type?: unknown };
      if (typeof type === "string" && PART_TYPES.has(type)) count += 1;
    }
  }
  return count;
}

/** The array that a member holds; empty when there is none. */
function listIn(value: unknown, member: string): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  const list = (value as Readonly<Record<string, unknown>>)[member];
  return Array.isArray(list) ? list : [];
}
