import type { JsonBody } from "@pointsman/plugin-api";

const KINDS: ReadonlySet<unknown> = new Set(["image_url", "audio_url", "video_url", "input_audio"]);

/** The multimodal parts of all messages, in order; of parts with one URL the first. Inline audio has none. */
export function multimodalItems(body: JsonBody): object[] {
  const messages = body.value("messages");
  const items: object[] = [];
  const seen = new Set<string>();
  for (const message of Array.isArray(messages) ? messages : []) {
    const content: unknown = (message as { content?: unknown } | null)?.content;
    for (const part of Array.isArray(content) ? content : []) {
      if (typeof part !== "object" || part === null) continue;
      const { type } = part as { type?: unknown };
      if (!KINDS.has(type)) continue;
      const url = urlOf(part as Record<string, unknown>, type as string);
      if (url !== undefined && seen.has(url)) continue;
      if (url !== undefined) seen.add(url);
      items.push(part);
    }
  }
  return items;
}

function urlOf(part: Record<string, unknown>, type: string): string | undefined {
  const value = part[type];
  if (typeof value === "string") return value;
  const url = (value as { url?: unknown } | null | undefined)?.url;
  return typeof url === "string" ? url : undefined;
}
