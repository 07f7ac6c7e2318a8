import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EngineClock } from "../engine/clock.ts";
import type { Engine, EngineRequest } from "../engine/engine.ts";
import type { DueFailure, Failures, InferenceFailureMode } from "../failures.ts";
import { ApiError } from "../formats/api-error.ts";
import { createGeneratedText, planOutput } from "../formats/generated-text.ts";
import type { CallContext, CallUsage, InferenceCall } from "../formats/inference-call.ts";
import { optionalBoolean, optionalInteger } from "../formats/json-fields.ts";
import { hashTokens } from "../formats/tokens.ts";
import type { MetricsPage } from "../metrics/metrics-page.ts";
import type { RequestMetrics } from "../metrics/request-metrics.ts";
import type { ModelSimOptions } from "../option-table.ts";
import type { RequestLog, RequestRecord } from "../request-log.ts";
import type { PromptTokens } from "../tokenization/prompt-tokens.ts";
import type { KvTransfer } from "../transfer/kv-transfer.ts";
import type { TransferLeg } from "../transfer/transfer-leg.ts";
import { resetConnection, sendError, sendText } from "./answers.ts";
import { ClientGone, readBody } from "./body.ts";
import type { InferenceRoute } from "./routes.ts";

/** The parts of one server that a request meets. */
export interface InferenceParts {
  readonly options: ModelSimOptions;
  readonly promptTokens: PromptTokens;
  readonly engine: Engine;
  readonly clock: EngineClock;
  readonly failures: Failures;
  readonly log: RequestLog;
  readonly metrics: RequestMetrics;
  readonly page: MetricsPage;
  readonly transfer: KvTransfer;
}

/** What a request has to do with other servers. */
interface Disaggregation {
  readonly remoteTokens: number;
  /** Makes the blocks of the prompt stay, and says where they are. */
  readonly kept: ReturnType<KvTransfer["keep"]> | undefined;
}

export interface InferenceHandler {
  /** Requests answered in full. */
  readonly served: number;
  /** Requests whose client left before the end. */
  readonly aborted: number;
  handle(route: InferenceRoute, path: string, request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** `reset-mid-stream` lets so many tokens of a streamed answer through. */
const tokensBeforeReset = 2;

export function createInferenceHandler(parts: InferenceParts): InferenceHandler {
  const { options, promptTokens, engine, clock, failures, log, metrics, page, transfer } = parts;
  let served = 0;
  let aborted = 0;

  /** @param real length of the prompt by a real tokenizer */
  function createContext(id: string, real: number | undefined): CallContext {
    return {
      id,
      created: Math.floor(Date.now() / 1000),
      fingerprint: options.name,
      embeddingDimensions: options.embeddingDimensions,
      seed: options.seed,
      defaultModel: options.models[0]!,
      planOutput(fixed, { limit, body }) {
        const promptTokens = real ?? fixed;
        const room = options.maxModelLen === 0 ? Number.POSITIVE_INFINITY : options.maxModelLen - promptTokens;
        if (room < 1) {
          const message = `The prompt has ${promptTokens} tokens and leaves no room in the ${options.maxModelLen} of this model.`;
          throw new ApiError(400, message);
        }
        const minTokens = optionalInteger(body, "min_tokens", 0, Number.MAX_SAFE_INTEGER);
        const ignoreEos = optionalBoolean(body, "ignore_eos");
        return planOutput({ limit, minTokens, ignoreEos }, options.outputTokens, room);
      },
    };
  }

  async function handle(
    route: InferenceRoute,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const id = requestId(request);
    const record = log.open(id, path, request.headers);
    try {
      const body = await readBody(request, options.maxBodyMb * 1024 * 1024);
      record.bodyBytes = body.length;
      const failure = failures.takeForInference();
      if (failure !== undefined && failUnread(failure, record, response)) return;
      const prompt = promptTokens.ofBody(path, body);
      const parsed = route.parse(body, request.headers["content-type"] ?? "", createContext(id, prompt?.length));
      const call = prompt === undefined ? parsed : { ...parsed, prompt };
      record.model = call.model;
      record.stream = call.stream;
      record.promptTokens = call.prompt.length;
      if (!options.models.includes(call.model) && !options.loras.includes(call.model)) {
        throw new ApiError(404, `The model \`${call.model}\` does not exist.`, "model");
      }
      const leg = transfer.legOf(body, request);
      record.leg = leg?.kind;
      if (failure?.mode === "garbage-sse") sendGarbage(call, record, response);
      else run(call, failure, record, response, await disaggregate(leg, call, record, request, response));
    } catch (error) {
      if (error instanceof ClientGone) {
        record.outcome = "aborted";
        aborted++;
        return;
      }
      const answer = error instanceof ApiError ? error : internalError(error);
      if (record.outcome === "pending") record.outcome = answer === error ? "refused" : "failed";
      record.status = answer.status;
      sendError(response, answer, route.style);
    }
  }

  /** Fetches KV blocks, or prepares to keep them, when the request is a part of disaggregated serving. */
  async function disaggregate(
    leg: TransferLeg | undefined,
    call: InferenceCall,
    record: RequestRecord,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Disaggregation> {
    if (leg === undefined) return { remoteTokens: 0, kept: undefined };
    if (leg.kind === "prefill") {
      if (call.stream && leg.key === undefined)
        throw new ApiError(400, "Prefill does not support streaming.", "stream");
      return { remoteTokens: 0, kept: transfer.keep(leg.key, call.prompt.length, request) };
    }
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    record.remoteTokens = await transfer.pull(leg, gone.signal);
    return { remoteTokens: record.remoteTokens, kept: undefined };
  }

  /** Runs the failures that need no knowledge of the request. @returns whether the request is done with */
  function failUnread(
    failure: DueFailure<InferenceFailureMode>,
    record: RequestRecord,
    response: ServerResponse,
  ): boolean {
    if (failure.mode === "slow" || failure.mode === "garbage-sse") return false;
    record.outcome = "failed";
    if (failure.mode === "status") {
      throw new ApiError(failure.status, `This failure was asked for: status ${failure.status}.`);
    }
    if (failure.mode === "reset-before-headers") resetConnection(response);
    return failure.mode !== "reset-mid-stream";
  }

  function run(
    call: InferenceCall,
    failure: DueFailure<InferenceFailureMode> | undefined,
    record: RequestRecord,
    response: ServerResponse,
    { remoteTokens, kept }: Disaggregation,
  ): void {
    const { answer, choices, outputTokens, prompt } = call;
    const textSeed = hashTokens(prompt, options.seed);
    const outputs = Array.from({ length: choices }, (_, choice) =>
      createGeneratedText(textSeed, choice, outputTokens, call.finish),
    );
    const sizes = { promptTokens: prompt.length, choices, outputTokens };
    const resets = failure?.mode === "reset-mid-stream";
    let lastTokenAt: number | undefined;

    const usage = (): CallUsage => ({
      promptTokens: prompt.length,
      cachedTokens: task.cachedTokens,
      outputTokens: task.emitted * choices,
    });

    const wholeAnswer = (): unknown => {
      const body = answer.body(outputs, usage());
      return kept === undefined ? body : { ...(body as object), kv_transfer_params: kept.params() };
    };

    const task: EngineRequest = engine.submit({
      namespace: `${call.model}\n${call.salt}`,
      cacheSalt: call.salt,
      adapter: options.loras.includes(call.model) ? call.model : undefined,
      prompt,
      outputTokens,
      choices,
      remoteTokens,
      ...(kept === undefined ? {} : { keep: kept.keep }),
      extraDelayMs: failure?.mode === "slow" ? failure.delayMs : 0,
      output: () => outputs[0]!.tokens(),
      onTokens: guarded(response, (from: number, count: number) => {
        const now = clock.now();
        metrics.countTokens(task, sizes, count, lastTokenAt === undefined ? undefined : now - lastTokenAt);
        lastTokenAt = now;
        record.cachedTokens = task.cachedTokens;
        record.outputTokens = task.emitted * choices;
        if (!call.stream) return;
        const end = resets ? Math.min(from + count, tokensBeforeReset) : from + count;
        let events = from === 0 ? answer.open(outputs, usage()) : "";
        for (let index = from; index < end; index++) {
          for (const output of outputs) events += answer.token(output, index);
        }
        if (!resets || end < Math.min(tokensBeforeReset, outputTokens)) {
          response.write(events);
          return;
        }
        record.outcome = "failed";
        task.abort();
        response.write(events, () => resetConnection(response));
      }),
      onFinish: guarded(response, () => {
        metrics.countFinished(task, sizes, call.finish);
        page.recordAdapters();
        record.cachedTokens = task.cachedTokens;
        if (resets) {
          record.outcome = "failed";
          sendHalf(JSON.stringify(answer.body(outputs, usage())), response);
          return;
        }
        served++;
        record.outcome = "served";
        record.status = 200;
        if (call.stream) response.end(answer.close(outputs, usage()));
        else sendText(response, 200, "application/json", JSON.stringify(wholeAnswer()));
      }),
    });
    page.recordAdapters();

    const onClose = (): void => {
      task.abort();
      if (task.state !== "aborted") return;
      metrics.countAborted(task, sizes);
      page.recordAdapters();
      if (record.outcome !== "pending") return;
      record.outcome = "aborted";
      aborted++;
    };
    if (response.destroyed) onClose();
    else response.on("close", onClose);
    if (call.stream && !response.destroyed) {
      // As in vLLM the headers do not wait for the first token.
      record.status = 200;
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
      response.flushHeaders();
    }
  }

  return {
    get served() {
      return served;
    },
    get aborted() {
      return aborted;
    },
    handle,
  };
}

function internalError(cause: unknown): ApiError {
  return new ApiError(500, `The simulator failed: ${cause instanceof Error ? cause.message : cause}`);
}

/** An error while an answer is written costs that answer, not the server. */
function guarded<A extends unknown[]>(response: ServerResponse, run: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      run(...args);
    } catch {
      response.destroy();
    }
  };
}

/** The id that the client gave, when it can stand in an answer, else a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : randomUUID().replaceAll("-", "");
}

function sendHalf(body: string, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.write(body.slice(0, Math.ceil(body.length / 2)), () => resetConnection(response));
}

function sendGarbage(call: InferenceCall, record: RequestRecord, response: ServerResponse): void {
  record.outcome = "failed";
  record.status = 200;
  const broken = Buffer.concat([
    Buffer.from('data: {"choices":[{"delta":\n\nda'),
    Buffer.from([0xff, 0x00, 0xc3, 0x28]),
  ]);
  if (!call.stream) {
    sendText(response, 200, "application/json", broken.subarray(6));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.write(broken);
  response.end('ta: [DONE\n\nevent: message_start\ndata: "usage":}\n\ndata:');
}
