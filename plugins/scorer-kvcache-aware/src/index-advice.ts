import type { LayoutProbe, RedisLayoutName } from "@pointsman/kv-cache/redis";
import type { Candidates, Logger } from "@pointsman/plugin-api";
import { KvBlockSize } from "@pointsman/plugin-api/keys";

/** Warns, once for each reason, when the index and this configuration cannot belong together. */
export class IndexAdvice {
  readonly #log: Logger;
  readonly #layout: RedisLayoutName;
  readonly #blockTokens: number;
  readonly #told = new Set<string>();
  /** True once keys of some layout were seen. */
  isSettled = false;

  constructor(log: Logger, layout: RedisLayoutName, blockTokens: number) {
    this.#log = log;
    this.#layout = layout;
    this.#blockTokens = blockTokens;
  }

  /** Later layouts have the engine's own blocks. Those of v0.1 are chunks, whatever the engine has. */
  lookAtBlockSize(candidates: Candidates): void {
    if (this.#layout === "v0.1" || this.#told.has("block size")) return;
    const sizes = candidates.column(KvBlockSize);
    for (let i = 0; i < candidates.length; i += 1) {
      const size = sizes[i]!;
      if (!(size > 0) || size === this.#blockTokens) continue;
      this.#tell(
        "block size",
        `the model server ${candidates[i]!.id} has blocks of ${size} tokens, but blockSizeTokens is ${this.#blockTokens}: no block will be found. Set blockSizeTokens: ${size}`,
      );
      return;
    }
  }

  lookAtLayout({ seen, foreign }: LayoutProbe): void {
    this.isSettled ||= seen.length > 0 || foreign !== undefined;
    const [other] = seen;
    if (seen.includes(this.#layout)) return;
    if (other !== undefined) {
      this.#tell(
        "layout",
        `the index in Redis has the layout ${other} (${KEY_FORMS[other]}), but layout is ${this.#layout} (${KEY_FORMS[this.#layout]}): no block will be found. Set layout: ${other}`,
      );
    } else if (foreign !== undefined) {
      this.#tell(
        "layout",
        `Redis has keys such as ${JSON.stringify(foreign)}, which are of no known layout, and none of layout ${this.#layout} (${KEY_FORMS[this.#layout]}). Set redisConfig.address to the server and database of the index`,
      );
    }
  }

  lookAtFields(unknownFields: number): void {
    if (unknownFields === 0) return;
    this.#tell(
      "fields",
      `blocks in Redis have entries that are none of layout ${this.#layout}: they are ignored. Set layout to that of the writer: ${Object.keys(KEY_FORMS).join(", ")}`,
    );
  }

  #tell(reason: string, message: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#log.warn(message);
  }
}

const KEY_FORMS: Readonly<Record<RedisLayoutName, string>> = {
  "v0.1": "model@sha256",
  "v0.2": "model@number",
  head: "number",
};
