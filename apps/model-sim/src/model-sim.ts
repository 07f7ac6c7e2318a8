import type { Server, ServerResponse } from "node:http";
import { systemClock } from "./engine/clock.ts";
import { createEngine, type Engine } from "./engine/engine.ts";
import { createKvEvents } from "./events/kv-events.ts";
import { createFailures, type Failure, type Failures, parseFailure } from "./failures.ts";
import { type JsonObject, parseJsonObject } from "./formats/json-fields.ts";
import { sendJson, sendText } from "./http/answers.ts";
import { readBody } from "./http/body.ts";
import { createInferenceHandler } from "./http/inference-handler.ts";
import { failMetrics, metricsContentType } from "./http/metrics-failures.ts";
import { inferenceRoutes } from "./http/routes.ts";
import { createHttpServer, type Route } from "./http/server.ts";
import { createMetricsPage } from "./metrics/metrics-page.ts";
import { createRequestMetrics } from "./metrics/request-metrics.ts";
import type { ModelSimOptions } from "./option-table.ts";
import { parseModelSimOptions } from "./options.ts";
import { createRequestLog, type RequestRecord } from "./request-log.ts";
import { loadPromptTokens } from "./tokenization/prompt-tokens.ts";
import { tokenRoutes } from "./tokenization/token-routes.ts";
import { createKvTransfer } from "./transfer/kv-transfer.ts";

/** What one server has done and is doing. A copy: it does not change any more. */
export interface ModelSimState {
  readonly name: string;
  /** Requests answered in full. */
  readonly served: number;
  readonly running: number;
  readonly waiting: number;
  /** Requests whose client left before the end. */
  readonly aborted: number;
  /** Share of the KV blocks that requests refer to, 0 to 1. */
  readonly kvUsage: number;
  /** KV blocks that a later request could hit, in use or not. */
  readonly cachedBlocks: number;
  /** KV blocks that wait to be fetched by another server. */
  readonly heldBlocks: number;
  readonly runningLoras: readonly string[];
  readonly waitingLoras: readonly string[];
  readonly failure: Failure | undefined;
  /** The latest inference requests, oldest first. */
  readonly requests: readonly RequestRecord[];
}

/** A simulated server that listens. */
export interface ModelSim {
  /** `http://host:port` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly name: string;
  /** Port at which KV events are published, and that of the replay socket; undefined for what is off. */
  readonly kvEventsPort: number | undefined;
  readonly kvReplayPort: number | undefined;
  state(): ModelSimState;
  /** Switches a failure on, or off with undefined. @throws when a field of it cannot be used */
  setFailure(failure: Failure | undefined): void;
  /** Accepts no more connections, lets requests in flight finish, and then closes; after `limitMs` it closes anyway. */
  drain(limitMs: number): Promise<void>;
  /** Ends all requests and connections at once. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts a simulated vLLM server.
 *
 * @throws {ModelSimOptionError} when an option cannot be used
 * @throws the error of the socket, with its `code`, when the address cannot be listened on
 */
export async function createModelSim(given: Partial<ModelSimOptions> = {}): Promise<ModelSim> {
  const options = parseModelSimOptions(given);
  const promptTokens = await loadPromptTokens(options.tokenizer);
  const clock = systemClock;
  const kvEvents = createKvEvents(options);
  const engine = createEngine(options, clock, kvEvents.watch);
  const failures = createFailures(options.seed, options.failRate);
  const log = createRequestLog(options.requestLog);
  const metrics = createRequestMetrics();
  const transfer = createKvTransfer(options, clock, failures);
  const page = createMetricsPage(options, engine, metrics, transfer);
  const inference = createInferenceHandler({
    options,
    promptTokens,
    engine,
    clock,
    failures,
    log,
    metrics,
    page,
    transfer,
  });

  const state = (): ModelSimState => ({
    name: options.name,
    served: inference.served,
    running: engine.running,
    waiting: engine.waiting,
    aborted: inference.aborted,
    kvUsage: engine.kvUsage,
    cachedBlocks: engine.cachedBlocks,
    heldBlocks: transfer.held.blocks,
    runningLoras: engine.adapters.running(),
    waitingLoras: engine.adapters.waiting(),
    failure: failures.current,
    requests: log.list(),
  });

  const maxBodyBytes = options.maxBodyMb * 1024 * 1024;
  const routes = new Map<string, Route>(transfer.routes);
  for (const [path, route] of inferenceRoutes) {
    routes.set(path, {
      method: "POST",
      style: route.style,
      handle: (request, response) => inference.handle(route, path, request, response),
    });
  }
  const get = (path: string, handle: Route["handle"]): void => {
    routes.set(path, { method: "GET", style: "openai", handle });
  };
  const post = (path: string, style: Route["style"], answer: (body: JsonObject) => unknown): void => {
    routes.set(path, {
      method: "POST",
      style,
      handle: async (request, response) => {
        sendJson(response, 200, answer(parseJsonObject(await readBody(request, maxBodyBytes))));
      },
    });
  };
  const models = renderModels(options);
  get("/v1/models", (_request, response) => sendJson(response, 200, models));
  get("/health", (_request, response) => sendText(response, 200, "text/plain", ""));
  get("/version", (_request, response) => sendJson(response, 200, { version: "0.11.0+sim" }));
  get("/metrics", (_request, response) => {
    const failure = failures.takeForMetrics();
    if (failure !== undefined) failMetrics(failure.mode, response);
    else sendText(response, 200, metricsContentType, page.render());
  });
  get("/sim/state", (_request, response) => sendJson(response, 200, state()));
  post("/sim/failure", "openai", (body) => setFailureFromBody(failures, body));
  for (const [path, { style, answer }] of tokenRoutes(options, promptTokens)) {
    routes.set(path, {
      method: "POST",
      style,
      handle: async (request, response) => sendJson(response, 200, answer(await readBody(request, maxBodyBytes))),
    });
  }

  const server = createHttpServer(routes, options.name, maxBodyBytes);
  const port = await listen(server, options);
  const second = await listenSecond(routes, options, server);
  const closeOthers = (): void => {
    transfer.close();
    second?.close();
    second?.closeAllConnections();
    void kvEvents.close();
  };
  try {
    await kvEvents.start(port);
  } catch (error) {
    closeOthers();
    server.close();
    throw error;
  }
  return {
    ...createLife(server, engine, closeOthers),
    kvEventsPort: kvEvents.port,
    kvReplayPort: kvEvents.replayPort,
    url: urlOf(options.host, port),
    host: options.host,
    port,
    name: options.name,
    state,
    setFailure: failures.set,
  };
}

/** Answers on the bootstrap port too. Rejects, with the first server closed, when the port cannot be had. */
async function listenSecond(
  routes: ReadonlyMap<string, Route>,
  options: ModelSimOptions,
  first: Server,
): Promise<Server | undefined> {
  if (options.bootstrapPort === 0) return undefined;
  const second = createHttpServer(routes, options.name, options.maxBodyMb * 1024 * 1024);
  try {
    await listen(second, { ...options, port: options.bootstrapPort });
    return second;
  } catch (error) {
    first.close();
    throw error;
  }
}

function createLife(server: Server, engine: Engine, closeOthers: () => void): Pick<ModelSim, "drain" | "close"> {
  const ended = new Promise<void>((resolve) => server.once("close", resolve));
  let inFlight = 0;
  let onIdle = (): void => undefined;
  const count = (_request: unknown, response: ServerResponse): void => {
    inFlight++;
    response.once("close", () => {
      inFlight--;
      if (inFlight === 0) onIdle();
    });
  };
  server.on("request", count).on("checkContinue", count);

  const stopListening = (): void => {
    if (server.listening) server.close();
  };
  const close = async (): Promise<void> => {
    stopListening();
    closeOthers();
    engine.close();
    server.closeAllConnections();
    await ended;
  };
  return {
    close,
    async drain(limitMs) {
      stopListening();
      if (inFlight > 0) {
        await new Promise<void>((resolve) => {
          const limit = setTimeout(resolve, limitMs);
          onIdle = () => {
            clearTimeout(limit);
            resolve();
          };
        });
      }
      await close();
    },
  };
}

function listen(server: Server, { host, port }: ModelSimOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true, backlog: 1024 }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function setFailureFromBody(failures: Failures, body: JsonObject): object {
  const failure = parseFailure(body);
  failures.set(failure);
  return { failure: failures.current ?? null };
}

function modelLength(options: ModelSimOptions): number {
  return options.maxModelLen === 0 ? options.numBlocks * options.blockSize : options.maxModelLen;
}

/** The answer of `GET /v1/models`: base model and aliases, then the adapters with the first model as their parent. */
function renderModels(options: ModelSimOptions): object {
  const base = options.models[0]!;
  const created = Math.floor(Date.now() / 1000);
  const card = (id: string, root: string, parent: string | null): object => ({
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root,
    parent,
    max_model_len: parent === null ? modelLength(options) : null,
  });
  return {
    object: "list",
    data: [
      ...options.models.map((model) => card(model, base, null)),
      ...options.loras.map((lora) => card(lora, `/adapters/${lora}`, base)),
    ],
  };
}
