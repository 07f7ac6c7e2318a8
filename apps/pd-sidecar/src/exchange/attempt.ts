import type {
  ConnectorExchange,
  ConnectorLeg,
  DecodeAnswer,
  DecodeLeg,
  HostPort,
  JsonBody,
  PrefillAnswer,
} from "@pointsman/plugin-api";
import type { Reservation } from "../admission/buffer-budget.ts";
import { limitedToOneToken } from "../connectors/single-token.ts";
import { peekBody } from "../decode/peek-body.ts";
import { type RawHeaders, without } from "../http/headers.ts";
import { openJsonBody } from "../http/json-body.ts";
import { Refusal } from "../http/own-answers.ts";
import { readBody } from "../http/read-body.ts";
import { formatTarget } from "../http/target.ts";
import { decodeLocally } from "./local-decode.ts";
import type { Parts } from "./parts.ts";
import { PrefillFailure } from "./prefill-failure.ts";
import { runPrefill } from "./prefill-leg.ts";

const LARGEST_ASKED = 1_048_576;
const RELEASE_MS = 5_000;

/** What all attempts of one request have in common. */
export interface AttemptContext {
  readonly parts: Parts;
  readonly id: string;
  readonly api: ConnectorExchange["api"];
  /** With the query. */
  readonly path: string;
  /** The client's, without `x-request-id`. */
  readonly headers: RawHeaders;
  readonly body: JsonBody;
  readonly kvSource: HostPort | undefined;
  /** Where flexible decode legs go, and the others. */
  readonly ranked: HostPort;
  readonly decoder: HostPort;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
  readonly onPrefilled: () => void;
  readonly onFirstBytes: () => void;
}

/** One connector call with one prefill server. Keeps track of what must be given back. */
export class Attempt implements ConnectorExchange {
  readonly id: string;
  readonly api: ConnectorExchange["api"];
  readonly body: JsonBody;
  readonly prefiller: HostPort;
  readonly kvSource: HostPort | undefined;
  readonly signal: AbortSignal;
  readonly #context: AttemptContext;
  readonly #cut = new AbortController();
  readonly #reserved: Reservation[] = [];
  /** A prefill whose blocks wait for a decode server. */
  #held: PrefillAnswer | undefined;
  #prefill: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(context: AttemptContext, prefiller: HostPort) {
    this.#context = context;
    this.id = context.id;
    this.api = context.api;
    this.body = context.body;
    this.prefiller = prefiller;
    this.kvSource = context.kvSource;
    this.signal = AbortSignal.any([context.gone, this.#cut.signal]);
  }

  oneToken(): JsonBody {
    return limitedToOneToken(this.body, this.api);
  }

  prefill(leg: ConnectorLeg, { anyAnswer = false } = {}): Promise<PrefillAnswer> {
    const { parts, path } = this.#context;
    const prefill = runPrefill(parts, {
      target: this.prefiller,
      path,
      // It is read here, whatever the client could unpack.
      headers: this.#headers({ ...leg, headers: { "accept-encoding": "identity", ...leg.headers } }),
      body: leg.body,
      anyAnswer,
      signal: this.signal,
      // A prefill may outlive the answer, and still fail with a body.
      keep: (reserved) => (this.#ended ? reserved.release() : void this.#reserved.push(reserved)),
    }).then((answer) => {
      // Where the answer does not matter there is nothing that a decode server would have to fetch by it.
      if (!anyAnswer) this.#held = answer;
      this.#context.onPrefilled();
      return answer;
    });
    // Whoever waits for it hears of a failure; perhaps nobody does.
    this.#prefill = prefill.catch(() => {});
    return prefill;
  }

  async decode(leg: DecodeLeg): Promise<DecodeAnswer> {
    const { parts, path, decoder, ranked, onFirstBytes } = this.#context;
    const flexible = leg.flexible === true;
    const answer = await decodeLocally(parts, {
      target: flexible ? ranked : decoder,
      path,
      headers: this.#headers(leg),
      body: leg.body,
      chunkable: flexible,
      signal: this.signal,
      onFirstBytes: (status) => {
        if (status >= 200 && status <= 299) this.#held = undefined;
        onFirstBytes();
      },
    });
    const limit = parts.settings["transfer-timeout"];
    const isWatched = limit > 0 && this.#held !== undefined && this.body.value("stream") === true;
    return isWatched ? this.#transferred(answer, limit) : answer;
  }

  async both(prefill: ConnectorLeg, decode: DecodeLeg): Promise<DecodeAnswer> {
    const prefilled = this.prefill(prefill, { anyAnswer: true });
    const answer = this.decode(decode).then(begun);
    // One of the two is heard of; the other one's failure is part of the same story.
    prefilled.catch(() => {});
    answer.catch(() => {});
    return Promise.race([answer, prefilled.then(() => answer)]);
  }

  async ask(request: Parameters<ConnectorExchange["ask"]>[0]): Promise<JsonBody> {
    return this.#ask(request, this.signal);
  }

  /** The prefill leg has ended, one way or the other. */
  get prefillEnded(): Promise<unknown> {
    return this.#prefill;
  }

  /** Cuts off what still runs. */
  cut(): void {
    this.#cut.abort();
  }

  /** Everything about the answer is over: gives back what is held here and at the prefill server. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const reserved of this.#reserved) reserved.release();
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    const { connector, metrics, log } = this.#context.parts;
    let released = false;
    if (connector.release !== undefined) {
      try {
        await connector.release(this.#forRelease(), held);
        released = true;
      } catch (error) {
        log.warn("blocks at a prefill server could not be released", { id: this.id, error: String(error) });
      }
    }
    metrics.stranded(connector.protocol, released);
  }

  /** The same exchange after its end: it can still ask. */
  #forRelease(): ConnectorExchange {
    const limit = AbortSignal.timeout(RELEASE_MS);
    const gone = (): Promise<never> => Promise.reject(new Error("the attempt is over"));
    const { id, api, body, prefiller, kvSource } = this;
    return {
      ...{ id, api, body, prefiller, kvSource, signal: limit },
      oneToken: () => this.oneToken(),
      ask: (request) => this.#ask(request, limit),
      prefill: gone,
      decode: gone,
      both: gone,
    };
  }

  async #ask({ port, path, timeoutMs, body }: Parameters<ConnectorExchange["ask"]>[0], parent: AbortSignal) {
    const target = { host: this.prefiller.host, port };
    const { parts } = this.#context;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    const failed = (why: string): PrefillFailure =>
      new PrefillFailure("broken", 502, `${formatTarget(target)}${path} ${why}.`);
    try {
      const answer = await parts.clients.prefiller.send(target, {
        method: body === undefined ? "GET" : "POST",
        path,
        headers: body === undefined ? [] : ["content-type", "application/json"],
        body: body?.bytes,
        signal: AbortSignal.any([parent, limit.signal]),
      });
      const read = { maxBytes: LARGEST_ASKED, budget: parts.budget, copies: 1 };
      const { bytes, reserved } = await readBody(answer.body, read);
      reserved.release();
      if (answer.status < 200 || answer.status > 299) throw failed(`answered with status ${answer.status}`);
      const opened = openJsonBody(bytes);
      if (!("bytes" in opened)) throw failed("answered with something that is no JSON object");
      return opened;
    } catch (error) {
      if (error instanceof PrefillFailure || parent.aborted) throw error;
      throw failed(limit.signal.aborted ? `took more than ${timeoutMs} ms` : `failed: ${(error as Error).message}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #headers({ headers = {} }: ConnectorLeg): string[] {
    const added = Object.entries(headers);
    const kept =
      added.length === 0 ? this.#context.headers : without(this.#context.headers, new Set(Object.keys(headers)));
    return [...kept, "x-request-id", this.id, ...added.flat()];
  }

  /** Waits for the first bytes of a stream, which come when the blocks are there. */
  async #transferred(answer: DecodeAnswer, limit: number): Promise<DecodeAnswer> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.cut();
    }, limit);
    try {
      return await begun(answer);
    } catch (error) {
      if (!late) throw error;
      throw new PrefillFailure(
        "transfer",
        504,
        `No answer ${limit} ms after the prefill: the KV transfer seems stuck.`,
      );
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The answer, once its first bytes are there. */
async function begun(answer: DecodeAnswer): Promise<DecodeAnswer> {
  try {
    const { rest } = await peekBody(answer.body, () => true);
    return { ...answer, body: rest };
  } catch {
    throw new Refusal(502, "The decode node broke off before its first token.");
  }
}
