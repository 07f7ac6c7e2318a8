/** A server's address. `host` is an IP address or a name, IPv6 without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * A JSON object as the bytes in which it was written. It does not change: `with` gives another one.
 *
 * Editing splices: whatever no edit names keeps its bytes, so that integers above 2^53, the order of members and members
 * nobody knows survive.
 */
export interface JsonBody {
  /** Read-only; shared by everybody who has this body. */
  readonly bytes: Uint8Array;
  /** The bytes of a top-level member's value, as they were written; undefined when there is no such member. */
  raw(name: string): Uint8Array | undefined;
  /** The same, parsed. Integers above 2^53 lose digits: copy `raw` instead. */
  value(name: string): unknown;
  /** Sets members to a value, or to JSON text given as bytes; `undefined` removes the member. */
  with(edits: Readonly<Record<string, unknown>>): JsonBody;
}

/** What one leg of a request says. Method, path and the client's other headers are the sidecar's business. */
export interface ConnectorLeg {
  readonly body: JsonBody;
  /** Headers to add, names in lower case; they replace the client's. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface DecodeLeg extends ConnectorLeg {
  /**
   * The leg may be split by chunked decode and goes to the data-parallel rank that the router named. Only for legs that
   * begin when the prefill has ended. Default false: rank 0, in one piece.
   */
  readonly flexible?: boolean;
}

/** The answer of a prefill server that took the job (2xx). */
export interface PrefillAnswer {
  /** Undefined when the answer is no JSON object; then {@link ConnectorExchange.prefill} was told that it need not be. */
  readonly body: JsonBody | undefined;
}

/** The answer of the decode server, of whatever status. Its body has not been read. */
export interface DecodeAnswer {
  readonly status: number;
  /** Name, value, name, value, …; names in lower case, without those that end at this hop. */
  readonly headers: readonly string[];
  /** Read once, by the sidecar when `run` returns the answer. Leaving the loop early gives the answer up. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** One attempt to serve one request with one prefill server. */
export interface ConnectorExchange {
  /** A fresh UUID; both legs carry it as `x-request-id`. */
  readonly id: string;
  /** Which members limit the answer's length depends on it. */
  readonly api: "chat" | "responses" | "generate";
  /** What the client sent. */
  readonly body: JsonBody;
  readonly prefiller: HostPort;
  /** A server whose cached prefix may be pulled; only for connectors that have `pull`. */
  readonly kvSource: HostPort | undefined;
  /** Aborts when the client is gone or the attempt is given up. */
  readonly signal: AbortSignal;
  /** The client's body, limited to one token by every member that the API has for it, and not streamed. */
  oneToken(): JsonBody;
  /**
   * Runs the prefill leg: time limit, retries, accounting. Resolves when the whole answer is there.
   *
   * Rejects when the server failed, could not be reached, or answered otherwise than with a JSON object. Let the error
   * through: the sidecar then tries another prefill server, lets the decode server do both phases, or tells the client.
   *
   * @param options `anyAnswer`: the answer's body does not matter and need not be JSON. Default false.
   */
  prefill(leg: ConnectorLeg, options?: { readonly anyAnswer?: boolean }): Promise<PrefillAnswer>;
  /** Sends the decode leg. Resolves with the head of the answer, whatever its status; rejects when there is none. */
  decode(leg: DecodeLeg): Promise<DecodeAnswer>;
  /**
   * Runs both legs at once, for protocols in which the servers meet by themselves. Resolves with the decode server's
   * answer as soon as its first bytes are there, and leaves the prefill to its end; rejects when the prefill fails first.
   */
  both(prefill: ConnectorLeg, decode: DecodeLeg): Promise<DecodeAnswer>;
  /** Asks the prefill server's host on another port: GET, or POST when there is a body. Rejects unless 2xx and JSON. */
  ask(request: {
    readonly port: number;
    readonly path: string;
    readonly timeoutMs: number;
    readonly body?: JsonBody;
  }): Promise<JsonBody>;
}

/**
 * Sidecar connector: the protocol by which KV cache blocks travel from a prefill server to the decode server beside the
 * sidecar. It says what the legs carry; queues, time limits, retries, fallback and metrics are the sidecar's.
 */
export interface Connector {
  /** The value of `--kv-connector` for our own, for metrics: `nixlv2`. */
  readonly protocol: string;
  /**
   * Serves one request; the answer goes to the client. Called again, with another exchange, for each prefill server that
   * is tried. Legs still running when it rejects are cut off; when it resolves, a running prefill goes on.
   */
  run(exchange: ConnectorExchange): Promise<DecodeAnswer>;
  /** Present when cached prefixes can be pulled: the body that makes the decode server pull one. */
  pull?(body: JsonBody, source: HostPort): JsonBody;
  /**
   * Called when a prefill has ended and nobody will fetch its blocks: the decode leg failed or the client left. Has a
   * short time limit. Without it the blocks stay until the engine's own time-out.
   */
  release?(exchange: ConnectorExchange, answer: PrefillAnswer): Promise<void>;
}
