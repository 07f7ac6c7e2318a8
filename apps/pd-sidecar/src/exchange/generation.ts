import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { DecodeAnswer, HostPort, JsonBody } from "@pointsman/plugin-api";
import { NotAdmitted, type Ticket } from "../admission/admission-queue.ts";
import type { Reservation } from "../admission/buffer-budget.ts";
import { multimodalItems } from "../encoder/multimodal-items.ts";
import { runEncoders } from "../encoder/run-encoders.ts";
import { gatherUpload } from "../http/gather-upload.ts";
import { crossing, without } from "../http/headers.ts";
import { openJsonBody } from "../http/json-body.ts";
import { discardUpload, Refusal, sendOwn } from "../http/own-answers.ts";
import { BrokenBody, readBody } from "../http/read-body.ts";
import { passAnswer, sendAnswer } from "../http/send-answer.ts";
import { formatTarget } from "../http/target.ts";
import type { RequestOutcome } from "../metrics.ts";
import { Cut } from "../upstream/cut.ts";
import { UpstreamFailure } from "../upstream/upstream-client.ts";
import { Attempt } from "./attempt.ts";
import { chooseTargets, type Targets, UnknownRank } from "./choose-targets.ts";
import { claimOf } from "./claim-of.ts";
import { askDecoder, decodeLocally } from "./local-decode.ts";
import type { Parts, Rank } from "./parts.ts";
import { PrefillFailure } from "./prefill-failure.ts";
import { CHAT_PATH, type Route } from "./routes.ts";
import { NOT_FORWARDED, readRouting } from "./routing-headers.ts";

const REQUEST_ID: ReadonlySet<string> = new Set(["x-request-id"]);
/** The client's body, one edited copy, and the buffer of the socket. */
const COPIES = 3;
/** A client that sends nothing for so long holds no memory any longer. */
const UPLOAD_STALL_MS = 60_000;

/** One request of a route that generates, from its headers to the end of its answer. */
export class Generation {
  readonly #parts: Parts;
  readonly #rank: Rank;
  readonly #route: Route;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #gone = new Cut();
  #goneController: AbortController | undefined;
  #stages = "none";
  #reserved: Reservation | undefined;
  #ticket: Ticket | undefined;
  #decodeBegan = 0;
  readonly #prefills: Promise<unknown>[] = [];

  constructor(parts: Parts, rank: Rank, route: Route, request: IncomingMessage, response: ServerResponse) {
    this.#parts = parts;
    this.#rank = rank;
    this.#route = route;
    this.#request = request;
    this.#response = response;
    response.once("close", () => {
      if (response.writableFinished) return;
      this.#gone.make();
      this.#goneController?.abort();
    });
  }

  /** The same as a signal, made when the first leg needs one: what passes untouched does without. */
  get #signal(): AbortSignal {
    this.#goneController ??= new AbortController();
    if (this.#gone.made) this.#goneController.abort();
    return this.#goneController.signal;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    let outcome: RequestOutcome = "error";
    try {
      outcome = await this.#serve();
    } catch (error) {
      outcome = this.#fail(error);
    }
    this.#ticket?.release();
    this.#reserved?.release();
    // A prefill that still runs keeps its slot; nobody waits for it.
    void Promise.all(this.#prefills).then(() => this.#ticket?.prefillDone());
    this.#parts.metrics.requestEnded(this.#route.path, this.#stages, outcome);
  }

  async #serve(): Promise<RequestOutcome> {
    const { settings, connector, encoderConnector, limited } = this.#parts;
    const targets = chooseTargets(this.#parts, this.#rank, readRouting(this.#request.rawHeaders));
    const isDisaggregated = targets.prefillers.length > 0 || targets.encoders.length > 0;
    const isPulled = !isDisaggregated && targets.ranked === undefined && this.#isForeign(targets.kvSource);
    const isChunked =
      !isDisaggregated &&
      targets.ranked === undefined &&
      settings["decode-chunk-size"] > 0 &&
      this.#route.path === CHAT_PATH;
    if (!(limited || isDisaggregated || isPulled || isChunked)) return this.#pass(targets);

    const { bytes, reserved } = await readBody(this.#request, {
      maxBytes: settings["max-body-bytes"],
      budget: this.#parts.budget,
      copies: COPIES,
      stallMs: UPLOAD_STALL_MS,
    });
    this.#reserved = reserved;
    if (!(isDisaggregated || isPulled || isChunked)) {
      await this.#admit(false, bytes.length);
      return this.#pass(targets, bytes);
    }
    const body = openJsonBody(bytes);
    if (!("bytes" in body)) throw new Refusal(400, `The request body is no JSON object: ${body.message}.`);
    await this.#admit(targets.prefillers.length > 0, bytes.length);

    const headers = without(crossing(this.#request.rawHeaders, NOT_FORWARDED), REQUEST_ID);
    const id = randomUUID();
    let prepared: JsonBody = body;
    let api = this.#route.api;
    if (targets.encoders.length > 0) {
      const items = multimodalItems(body);
      if (items.length > 0) {
        this.#stages = encoderConnector!.name;
        const signal = this.#signal;
        const request = { connector: encoderConnector!, encoders: targets.encoders, items, body, id, headers, signal };
        prepared = await runEncoders(this.#parts, request);
        api = "chat";
      }
    }
    if (targets.prefillers.length > 0) {
      this.#stages = connector.protocol;
      return this.#disaggregate({ ...targets, id, api, body: prepared, headers });
    }
    if (isPulled) {
      this.#stages = connector.protocol;
      prepared = connector.pull!(prepared, targets.kvSource!);
    }
    const ownHeaders = prepared === body ? crossing(this.#request.rawHeaders, NOT_FORWARDED) : undefined;
    const answer = await this.#decode(prepared, ownHeaders ?? [...headers, "x-request-id", id], targets);
    return this.#send(answer);
  }

  /** Untouched, to the local model server. */
  async #pass({ ranked }: Targets, body?: Uint8Array): Promise<RequestOutcome> {
    const upload = body ?? (await gatherUpload(this.#request));
    // Nobody has to wait, or somebody has waited already.
    this.#ticket ??= this.#parts.queue.tryEnter({ prefill: false, blocks: 0, priority: 0, tenant: "" });
    const request = this.#request;
    const answer = await askDecoder(this.#parts, ranked ?? this.#rank.decoder, {
      method: "POST",
      path: request.url!,
      headers: crossing(request.rawHeaders, NOT_FORWARDED),
      body: upload,
      cut: this.#gone,
    });
    answer.body.once("data", () => this.#ticket?.started());
    const whole = await passAnswer(this.#response, answer);
    return !whole ? (this.#gone.made ? "aborted" : "error") : answer.status < 500 ? "ok" : "error";
  }

  /** One prefill server after the other; then, if that is wanted, the decode server alone. */
  async #disaggregate(job: Targets & { id: string; api: Route["api"]; body: JsonBody; headers: string[] }) {
    const { connector, settings, metrics, log } = this.#parts;
    const context = {
      ...job,
      parts: this.#parts,
      path: this.#request.url!,
      decoder: this.#rank.decoder,
      ranked: job.ranked ?? this.#rank.decoder,
      gone: this.#signal,
      onPrefilled: () => this.#ticket?.prefillDone(),
      onFirstBytes: () => this.#onFirstBytes(),
    };
    let failure: PrefillFailure | undefined;
    for (const target of job.prefillers) {
      if (failure !== undefined) metrics.prefillMoved();
      const attempt = new Attempt(context, target);
      try {
        this.#decodeBegan = performance.now();
        const answer = await connector.run(attempt);
        return await this.#send(answer);
      } catch (error) {
        attempt.cut();
        if (!(error instanceof PrefillFailure) || this.#gone.made || this.#response.headersSent) throw error;
        failure = error;
        log.warn("a prefill did not work", { id: job.id, target: formatTarget(target), fault: error.fault });
        if (!error.isServers) break;
      } finally {
        this.#prefills.push(attempt.prefillEnded);
        void attempt.end();
      }
    }
    if (!settings["fallback-to-decode"] || !failure!.isServers) throw failure!;
    metrics.fellBack();
    this.#ticket?.prefillDone();
    const answer = await this.#decode(job.body, [...job.headers, "x-request-id", job.id], job);
    return this.#send(answer);
  }

  #decode(body: JsonBody, headers: string[], { ranked }: Pick<Targets, "ranked">): Promise<DecodeAnswer> {
    this.#decodeBegan = performance.now();
    return decodeLocally(this.#parts, {
      target: ranked ?? this.#rank.decoder,
      path: this.#request.url!,
      headers,
      body,
      chunkable: true,
      signal: this.#signal,
      onFirstBytes: () => this.#onFirstBytes(),
    });
  }

  async #send(answer: DecodeAnswer): Promise<RequestOutcome> {
    await sendAnswer(this.#response, answer);
    if (this.#gone.made) return "aborted";
    return answer.status < 500 ? "ok" : "error";
  }

  async #admit(prefill: boolean, bodyBytes: number): Promise<void> {
    const { queue, settings, gate, metrics } = this.#parts;
    const claim = claimOf(this.#request, settings, { prefill, bodyBytes, blockSize: gate.blockSize });
    this.#ticket = queue.tryEnter(claim);
    if (this.#ticket !== undefined) return;
    const began = performance.now();
    try {
      this.#ticket = await queue.enter(claim, this.#signal);
    } catch (error) {
      if (error instanceof NotAdmitted) metrics.notAdmitted(error.reason);
      throw error;
    } finally {
      metrics.waited(performance.now() - began);
    }
  }

  #onFirstBytes(): void {
    this.#ticket?.started();
    this.#parts.metrics.firstBytesTook(performance.now() - this.#decodeBegan);
  }

  /** A source that is this very listener has nothing to give. */
  #isForeign(source: HostPort | undefined): boolean {
    return source !== undefined && !(source.host === this.#parts.settings.podIp && source.port === this.#rank.port);
  }

  #fail(error: unknown): RequestOutcome {
    const response = this.#response;
    // Whatever went wrong then went wrong because of it.
    if (this.#gone.made) return "aborted";
    if (error instanceof UnknownRank) {
      response.writeHead(400, { "content-length": 0 }).end();
      return "refused";
    }
    if (error instanceof PrefillFailure && error.answer !== undefined && !response.headersSent) {
      const { headers, body } = error.answer;
      const kept = without(headers, new Set(["content-length"]));
      response.writeHead(error.status, [...kept, "content-length", String(body.length)]).end(body);
      return "error";
    }
    if (error instanceof NotAdmitted) {
      const full = error.reason === "full";
      const message = full ? "Too many requests wait here." : "The request has waited too long for its turn.";
      sendOwn(response, { status: full ? 429 : 503, message, retryAfter: 1 });
      return "refused";
    }
    if (error instanceof Refusal || error instanceof PrefillFailure) {
      sendOwn(response, error);
      discardUpload(this.#request);
      return error.status < 500 || error.status === 503 ? "refused" : "error";
    }
    if (error instanceof BrokenBody) {
      response.destroy();
      return "aborted";
    }
    if (!(error instanceof UpstreamFailure)) {
      this.#parts.log.error("a request failed", { path: this.#route.path, error: String(error) });
    }
    sendOwn(response, { status: 502, message: "The connector could not serve the request." });
    return "error";
  }
}
