import type {
  AfterResponseHook,
  PostChoiceHook,
  PreCallHook,
  ResponseChunkHook,
  ResponseHeadersHook,
} from "@pointsman/plugin-api";
import { enterInstance } from "./current-instance.ts";
import { begin, failed, finished, type Guard, guarded, isPromise } from "./guard.ts";

/** Hooks that fail are counted; nobody else notices. */
export function guardPreCall(hook: PreCallHook, guard: Guard): PreCallHook {
  return (request, controls) => {
    if (!guard.breaker.allows()) return undefined;
    const started = begin(guard);
    let result: void | Promise<void>;
    try {
      result = hook(request, controls);
    } catch (error) {
      failed(guard, started, error);
      return undefined;
    }
    // All the time that the request has for its decision.
    if (isPromise(result)) return settle(result, guard, started, request.deadline - request.now);
    finished(guard, started);
    return undefined;
  };
}

/**
 * Waits for an asynchronous call, at most `limitMs`; never rejects. One that is late has failed: whoever waits for it
 * has waited in vain. What becomes of it afterwards is nobody's business.
 */
export function settle(
  promise: PromiseLike<unknown>,
  guard: Guard,
  started: number,
  limitMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  enterInstance(guard.caller);
  return new Promise((resolve) => {
    let open = true;
    let timer: NodeJS.Timeout | undefined;
    const end = (failure: { readonly error: unknown } | undefined): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      guard.meter.observe(performance.now() - started);
      if (failure === undefined) guard.breaker.succeed();
      else {
        guard.meter.fail(failure.error);
        guard.breaker.fail();
      }
      resolve();
    };
    if (Number.isFinite(limitMs)) {
      timer = setTimeout(() => end({ error: new Error(`has not settled after ${limitMs} ms`) }), limitMs);
    }
    Promise.resolve(promise).then(
      () => end(undefined),
      (error: unknown) => end({ error }),
    );
  });
}

export function guardPostChoice(hook: PostChoiceHook, guard: Guard): PostChoiceHook {
  return (request, choice) => void guarded(guard, () => catchLate(hook(request, choice), guard));
}

export function guardResponseHeaders(hook: ResponseHeadersHook, guard: Guard): ResponseHeadersHook {
  return (request, response) => void guarded(guard, () => catchLate(hook(request, response), guard));
}

export function guardResponseChunk(hook: ResponseChunkHook, guard: Guard): ResponseChunkHook {
  return (request, chunk, end) => void guarded(guard, () => catchLate(hook(request, chunk, end), guard));
}

/**
 * The place to give back what a request holds: it runs even while the circuit is open, since a counter that is not
 * given back stays wrong for ever.
 */
export function guardAfterResponse(hook: AfterResponseHook, guard: Guard): AfterResponseHook {
  return (request, completion) => {
    // Asked only for its state: a call after the pause is the probe that may close the circuit.
    guard.breaker.allows();
    const started = begin(guard);
    try {
      catchLate(hook(request, completion), guard);
      finished(guard, started);
    } catch (error) {
      failed(guard, started, error);
    }
  };
}

/** A synchronous hook written as an asynchronous function: its rejection is counted instead of ending the process. */
function catchLate(result: unknown, guard: Guard): void {
  if (isPromise(result)) result.then(undefined, (error: unknown) => guard.meter.fail(error));
}
