import type { HeaderPairs } from "./codec/header-map.ts";
import type { JsonObject } from "./codec/struct.ts";
import type { HeaderList } from "./headers.ts";

/**
 * One HTTP request and its response, as the picker sees it. One exchange per ext_proc stream.
 *
 * The stream machine calls the members in the order in which they stand here and never two at once. Whatever the
 * proxy does, `end` comes last and exactly once; nothing is called after it, except that a promise which `route`
 * returned may still settle (its value is then dropped).
 *
 * Failure: what `requestHeaders`, `route` or `bodyTooLarge` throws rejects the request with `internalError`. What the
 * response members throw is reported and costs nothing but the wish: the response passes unchanged.
 */
export interface Exchange {
  /** An early look at the request headers, before any body. Not called when the proxy skips the headers. */
  requestHeaders?(headers: HeaderList): void;

  /**
   * Decides. Called at most once, when everything is known that will be known before the decision is due.
   * While a returned promise is pending, further messages wait.
   */
  route(input: RouteInput): RouteAnswer | Promise<RouteAnswer>;

  /** Shapes the refusal of a body above the limit (413), in the form of the API that was called. */
  bodyTooLarge(limitBytes: number): Rejection;

  /** Shapes the refusal of too many header bytes (431). Without it the machine uses a plain JSON error. */
  headersTooLarge?(): Rejection;

  /**
   * Called for the response headers, also of replies that the proxy made itself (then nothing was served), and also
   * if the proxy never showed the request.
   */
  responseHeaders(input: ResponseHeadersInput): ResponseHeadersAnswer;

  /**
   * Called for each piece of the response body if `responseHeaders` answered `inspect` or `rewrite`, or `glance` and
   * the proxy shows bodies.
   *
   * Returning the very same object means "unchanged": its bytes are then echoed without being copied or encoded.
   * Returned bytes must not be changed afterwards. If trailers end the body, a last call has an empty `chunk` and
   * `end` true; what it returns can be sent in full duplex only, so hold nothing back that a complete body may end in.
   *
   * @param end whether the body ends here; a body may also stop without this (then see `end`)
   */
  responseBody(chunk: Uint8Array, end: boolean): Uint8Array;

  /** Dynamic metadata by namespace, attached to the answer that ends the response body. */
  endMetadata?(): Readonly<Record<string, JsonObject>> | undefined;

  /** The end of the stream, in whatever form it came. Release everything here. */
  end(end: StreamEnd): void;
}

/** Makes one exchange per stream. */
export interface ExchangeFactory {
  /** Must not throw and must not wait; acquire nothing before `route`. */
  open(control: ExchangeControl): Exchange;
}

/** What an exchange may do to its stream by itself. */
export interface ExchangeControl {
  /**
   * Answers the client at once, whatever the request is waiting for: how a queued or running request is evicted.
   *
   * @returns false, and nothing happens, once response headers were seen or the stream has ended
   */
  evict(rejection: Rejection): boolean;
}

/** How much of the request body the decision can see. */
export type BodyState =
  /** All of it, in `body`. */
  | "complete"
  /** The request has no body. */
  | "none"
  /** There is one, but the proxy shows it later or never (modes NONE and STREAMED). */
  | "unseen"
  /** Its beginning is in `body` (mode BUFFERED_PARTIAL). */
  | "truncated";

export interface RouteInput {
  /** Empty if the proxy skips request headers. */
  readonly headers: HeaderList;
  /** The bytes as they arrived; must not be modified. Undefined exactly for the states `none` and `unseen`. */
  readonly body: Uint8Array | undefined;
  readonly bodyState: BodyState;
  /** The allowed endpoints (see `parseSubsetHint`), undefined if the proxy allows all. */
  readonly subset: readonly string[] | undefined;
  /** Dynamic metadata of the request under a namespace: the last message that carried the namespace counts. */
  metadata(namespace: string): JsonObject | undefined;
  /** The proxy ignores answers: nothing that is decided has an effect. */
  readonly observability: boolean;
}

export type RouteAnswer = Route | Rejection | Pass;

export interface Route {
  readonly kind: "route";
  /** `ip:port`, or a comma list without blanks, first choice first. Goes into the header and into the metadata. */
  readonly destination: string;
  /** Further request headers. Set only what changes: setting a name replaces all its values. */
  readonly setHeaders: HeaderPairs;
  readonly removeHeaders: readonly string[];
  /** A new body instead of the one that was seen; ignored when none was seen. Content-length follows. */
  readonly body?: Uint8Array;
  /** Further dynamic metadata by namespace, merged with the destination. */
  readonly dynamicMetadata?: Readonly<Record<string, JsonObject>>;
  /**
   * Close the stream after the last request answer: the response is then neither seen nor is its end. In full duplex
   * the stream stays open, and the response passes as any other.
   */
  readonly skipResponse?: boolean;
}

/** Answers the client without asking a model server. */
export interface Rejection {
  readonly kind: "reject";
  /** HTTP status, 200 to 599. */
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: Uint8Array;
  /** Appears in the proxy's access log as the response code details. */
  readonly details?: string;
}

/** No decision: the proxy goes on as if it had not asked. A destination header of the client is removed. */
export interface Pass {
  readonly kind: "pass";
}

export interface ResponseHeadersInput {
  readonly headers: HeaderList;
  /** Undefined if the proxy sent none that is a number. */
  readonly status: number | undefined;
  /** The endpoint that answered, as the proxy tells it; undefined if none did or the proxy does not tell. */
  readonly served: string | undefined;
  /** The response has no body. */
  readonly endOfStream: boolean;
}

export interface ResponseHeadersAnswer {
  readonly setHeaders: HeaderPairs;
  readonly removeHeaders: readonly string[];
  /**
   * What is wanted of the body: nothing; to see it if it is shown anyway; to see it even if the proxy must be asked
   * for it; or to change it (the length may then change too).
   */
  readonly body: "none" | "glance" | "inspect" | "rewrite";
}

/** How far a stream had come. */
export type StreamPhase =
  /** Nothing was received. */
  | "opened"
  /** Part of the request was received. */
  | "request"
  /** `route` was asked and has not answered. */
  | "deciding"
  /** `route` answered. */
  | "decided"
  /** Response headers were received. */
  | "response";

/**
 * How a stream ended.
 *
 * Only `responseEnded` proves a complete response, and it needs the response body to be processed. Without it an end
 * and an abort look alike, whatever `cancelled` says: Envoy resets every stream that it ends.
 */
export interface StreamEnd {
  readonly phase: StreamPhase;
  readonly responseStarted: boolean;
  /** The end of the response was seen: its last body chunk, its trailers, or headers without a body. */
  readonly responseEnded: boolean;
  /** An immediate response was sent, by `route`, a limit, a failure or an eviction. */
  readonly rejected: boolean;
  /** The immediate response was an eviction. Wins over `cancelled`. */
  readonly evicted: boolean;
  readonly served: string | undefined;
  /**
   * The stream was reset, as opposed to ended by a half-close or by us. A hint for logs: a transport may see a reset as
   * a half-close first.
   */
  readonly cancelled: boolean;
  /** Set if the stream broke the protocol. */
  readonly fault: Error | undefined;
}
