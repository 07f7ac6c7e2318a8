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
    if (isPromise(result)) return settle(result, guard, started);
    finished(guard, started);
    return undefined;
  };
}

/** Waits for an asynchronous call; never rejects. Waiting is no failure: the caller has a time limit. */
export function settle(promise: PromiseLike<unknown>, guard: Guard, started: number): Promise<void> {
  enterInstance(guard.caller);
  return Promise.resolve(promise).then(
    () => {
      guard.meter.observe(performance.now() - started);
      guard.breaker.succeed();
    },
    (error: unknown) => {
      guard.meter.observe(performance.now() - started);
      guard.meter.fail(error);
      guard.breaker.fail();
    },
  );
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
