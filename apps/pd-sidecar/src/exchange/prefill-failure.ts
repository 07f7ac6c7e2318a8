import type { RawHeaders } from "../http/headers.ts";

export type PrefillFault =
  | "timeout"
  | "refused"
  | "broken"
  | "denied"
  | "status"
  | "garbage"
  | "too-large"
  | "transfer";

/** A prefill leg did not work. Says what the client is told when nobody else can do it. */
export class PrefillFailure extends Error {
  override readonly name = "PrefillFailure";
  readonly fault: PrefillFault;
  readonly status: number;
  /** The prefill server's own answer. */
  readonly answer: { readonly headers: RawHeaders; readonly body: Uint8Array } | undefined;

  constructor(fault: PrefillFault, status: number, message: string, answer?: PrefillFailure["answer"]) {
    super(message);
    this.fault = fault;
    this.status = status;
    this.answer = answer;
  }

  /** It is about the server, not about the request: another server may do better. */
  get isServers(): boolean {
    return this.fault === "status" ? this.status >= 500 : this.fault !== "garbage" && this.fault !== "denied";
  }

  /** Worth another attempt at the same server. */
  get isPassing(): boolean {
    return this.fault === "status" && this.status >= 502 && this.status <= 504;
  }
}
