import type { ProtocolConfig } from "../codec/body-mode.ts";
import type { Exchange, Rejection, RouteInput } from "../exchange.ts";
import type { StreamLimits } from "./limits.ts";
import type { Outbox } from "./outbox.ts";

/** What the two sides of a stream share. The machine provides it. */
export interface StreamContext {
  readonly exchange: Exchange;
  readonly limits: StreamLimits;
  readonly outbox: Outbox;
  /** The modes in force; full duplex both ways if the proxy did not say. */
  readonly config: ProtocolConfig;
  readonly observability: boolean;
  readonly responseStarted: boolean;
  /** Asks the exchange; the answer comes back to `RequestSide.decided` unless it rejects. */
  decide(input: RouteInput): void;
  reject(rejection: Rejection): void;
  /** Ends the stream as soon as everything that waits was sent. */
  finishWhenSent(): void;
  handlerFailed(error: unknown): void;
  overrideIgnored(reason: OverrideIgnored): void;
}

/** Why a wish to see the response body could not be granted. */
export type OverrideIgnored =
  /** The stream ended without a body: Envoy lacks `allow_mode_override: true`. */
  | "ignored-by-proxy"
  /** The configured request mode is full duplex, in which Envoy ignores every override; none was sent. */
  | "request-is-full-duplex";
