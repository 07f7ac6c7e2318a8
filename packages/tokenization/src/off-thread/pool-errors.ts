import type { FailureReason } from "./messages.ts";

/** Why a prompt was not tokenized. `busy`, `too-large`: refused at once. `crashed`: the thread died over it. */
export type TokenizationFailureReason = FailureReason | "busy" | "too-large" | "crashed" | "stopped";

export class TokenizationFailure extends Error {
  readonly reason: TokenizationFailureReason;

  constructor(reason: TokenizationFailureReason, message: string) {
    super(message);
    this.name = "TokenizationFailure";
    this.reason = reason;
  }
}
