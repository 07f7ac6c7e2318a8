import type { RequestView } from "@pointsman/plugin-api";

/** Why a backend has no tokens for a prompt. */
export type MissReason =
  /** Media, a format without a prompt, no template: this backend cannot, and nothing is wrong. */
  "unsupported" | "no_tokenizer" | "not_loaded" | "too_large" | "busy" | "timeout" | "failed";

/** A backend has no tokens for a prompt. */
export class TokenMiss extends Error {
  readonly reason: MissReason;

  constructor(reason: MissReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TokenMiss";
    this.reason = reason;
  }
}

/** Something that turns prompts into token ids. */
export interface TokenBackend {
  /** Label of its metrics. */
  readonly name: "in_process" | "vllm";
  /** Longest time that {@link tokens} takes, in milliseconds. */
  readonly timeoutMs: number;
  /** False while it is starting. */
  readonly ready: boolean;
  start(): void;
  stop(): Promise<void>;
  /** @throws {TokenMiss}; nothing of the prompt is in its message */
  tokens(request: RequestView): Promise<Uint32Array>;
}
