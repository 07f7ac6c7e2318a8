import type { MessagePort } from "node:worker_threads";
import { type DiagnosticDetails, DiagnosticError, hasErrors, isDiagnosticError } from "@pointsman/diagnostics";
import type { Capabilities, RequestView } from "@pointsman/plugin-api";
import { assertNoPromise, isPromise } from "../../guard/guard.ts";
import type { PreparedInstance } from "../../lifecycle/prepare-instance.ts";
import { checkCapabilities } from "../../lifecycle/set-up-instance.ts";
import { implementedApiVersions } from "../../load/api-compatibility.ts";
import {
  errorData,
  type FromWorker,
  type InstanceDescription,
  type LifecycleStep,
  plainDiagnostic,
  type RequestMention,
  type ToWorker,
  type Vote,
  type WorkerTask,
} from "../protocol.ts";
import { WorkerChoice } from "./worker-choice.ts";
import { createWorkerRequest } from "./worker-request.ts";
import { createWorkerServices } from "./worker-services.ts";
import { WorkerTable } from "./worker-table.ts";

/** Requests that are kept for hooks; the host says when they end, this is for the case that it could not. */
const KEPT_REQUESTS = 20_000;

/** Answers the host's messages with one instance, until the thread ends. */
export function runInstance(
  prepared: PreparedInstance,
  task: WorkerTask,
  port: MessagePort,
  details: DiagnosticDetails,
): void {
  const post = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
    port.postMessage(message, [...transfer]);
  const services = createWorkerServices(post, task.seed);
  const abort = new AbortController();
  const cleanups: (() => void | Promise<void>)[] = [];
  const table = new WorkerTable();
  const requests = new Map<number, RequestView>();
  let handled = 0;
  let raw: Capabilities = {};

  const steps: Readonly<Record<LifecycleStep, () => Promise<InstanceDescription | undefined>>> = {
    setup: async () => {
      raw = await setUp();
      return describe(raw);
    },
    start: async () => void (await raw.start?.()),
    stop: async () => void (await raw.stop?.()),
    release: async () => {
      abort.abort(new Error(`${task.entry.name} stops`));
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
      services.flush();
      return undefined;
    },
  };

  async function setUp(): Promise<Capabilities> {
    const { spec, needs, config } = prepared;
    const made = await spec.setup({
      config,
      needs: Object.fromEntries(Object.entries(needs).map(([name, { id }]) => [name, services.get(id)])),
      instance: { name: task.entry.name, type: task.located.type, pool: task.pool },
      host: { apiVersion: implementedApiVersions[0], supports: () => false },
      signal: abort.signal,
      onStop: (cleanup: () => void | Promise<void>) => void cleanups.push(cleanup),
      previous: undefined,
    });
    const problems = checkCapabilities(made, prepared, details);
    if (hasErrors(problems)) throw new DiagnosticError(problems);
    return made;
  }

  function requestOf({ number, data, keep }: RequestMention): RequestView | undefined {
    if (data === undefined) return requests.get(number);
    const request = createWorkerRequest(data);
    if (keep) {
      requests.set(number, request);
      if (requests.size > KEPT_REQUESTS) requests.delete(requests.keys().next().value as number);
    }
    return request;
  }

  /** Hooks that fail are told; nobody waits for them. */
  function callHook(hook: "postChoice" | "afterResponse", call: () => unknown): void {
    const fail = (error: unknown): void => post({ kind: "hookFailed", hook, error: errorData(error) });
    try {
      const result = call();
      if (isPromise(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  function answer(message: Extract<ToWorker, { kind: "ask" }>): void {
    table.apply(message.change);
    const request = requestOf(message.request)!;
    const { candidates } = table;
    const { scorer, filter } = raw;
    const scores =
      scorer &&
      vote(() => {
        const values = new Float64Array(candidates.length).fill(Number.NaN);
        assertNoPromise(scorer.score(request, candidates, values));
        return values;
      });
    const keep =
      filter &&
      vote(() => {
        const values = new Uint8Array(candidates.length).fill(1);
        assertNoPromise(filter.filter(request, candidates, values));
        return values;
      });
    handled += 1;
    services.flush();
    post({ kind: "votes", ask: message.ask, handled, scores, keep });
  }

  async function take(step: LifecycleStep): Promise<void> {
    try {
      const instance = await steps[step]();
      post({ kind: "done", step, ...(instance === undefined ? {} : { instance }) });
    } catch (error) {
      const diagnostics = isDiagnosticError(error) ? { diagnostics: error.diagnostics.map(plainDiagnostic) } : {};
      post({ kind: "failed", step, error: errorData(error), ...diagnostics });
    }
  }

  port.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "ask":
        return answer(message);
      case "ping":
        return post({ kind: "pong", handled, ready: isReady(raw) });
      case "step":
        return void take(message.step);
      case "forget":
        return void requests.delete(message.request);
      case "postChoice": {
        handled += 1;
        const request = requestOf(message.request);
        if (request === undefined) return;
        return callHook("postChoice", () => raw.postChoice?.(request, new WorkerChoice(message.choice, table)));
      }
      case "afterResponse": {
        handled += 1;
        const request = requestOf(message.request);
        if (request === undefined) return;
        const { served, ...rest } = message.completion;
        return callHook("afterResponse", () =>
          raw.afterResponse?.(request, { ...rest, served: served && table.endpointOf(served) }),
        );
      }
    }
  });
}

function vote<Values>(call: () => Values): Vote<Values> {
  try {
    return { values: call() };
  } catch (error) {
    return { error: errorData(error) };
  }
}

function isReady({ ready }: Capabilities): boolean {
  try {
    return ready === undefined || ready() === true;
  } catch {
    return false;
  }
}

function describe(raw: Capabilities): InstanceDescription {
  const names = ["filter", "scorer", "postChoice", "afterResponse", "start", "stop", "ready"] as const;
  const { filter } = raw;
  return {
    members: names.filter((name) => raw[name] !== undefined),
    filter: filter && { empties: filter.empties, onError: filter.onError },
  };
}
