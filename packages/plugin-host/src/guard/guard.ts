import type { CallMeter } from "./call-meter.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { currentInstance, enterInstance } from "./current-instance.ts";

/** What the guards of one capability of one instance share. */
export interface Guard {
  readonly instance: string;
  readonly meter: CallMeter;
  readonly breaker: CircuitBreaker;
  /** Who was running when the last call began: an instance that asks another one goes on after the answer. */
  caller: string;
  /** A call that takes longer counts as a failure: the event loop stood still for everybody. Milliseconds. */
  readonly budgetMs: number;
}

const clock = performance.now.bind(performance);

/**
 * Runs one synchronous call with all guards: not at all while the circuit is open, timed, and with errors counted.
 * Returns false when the plugin has no say in this call.
 */
export function guarded(guard: Guard, call: () => void): boolean {
  if (!guard.breaker.allows()) return false;
  const started = begin(guard);
  try {
    call();
  } catch (error) {
    failed(guard, started, error);
    return false;
  }
  return finished(guard, started);
}

/** Starts the measure of a call that is already admitted. */
export function begin(guard: Guard): number {
  guard.caller = currentInstance();
  enterInstance(guard.instance);
  return clock();
}

/** Ends the measure of a call that returned. Returns true always: a late answer is still an answer. */
export function finished(guard: Guard, started: number): true {
  const ms = clock() - started;
  enterInstance(guard.caller);
  guard.meter.observe(ms);
  if (ms > guard.budgetMs) {
    guard.meter.fail(new Error(`took ${ms.toFixed(1)} ms, the budget is ${guard.budgetMs} ms`));
    guard.breaker.fail();
  } else {
    guard.breaker.succeed();
  }
  return true;
}

/**
 * The synchronous capabilities must not be asynchronous functions: what they do after the first `await` comes too late.
 * Returns anything else as it is.
 * @throws TypeError for a promise, whose rejection is taken care of.
 */
export function assertNoPromise<Result>(result: Result): Result {
  if (!isPromise(result)) return result;
  result.then(undefined, () => {});
  throw new TypeError("the call returned a promise, but it must be synchronous");
}

/** True for promises of any origin. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** Ends the measure of a call that threw or returned nonsense. */
export function failed(guard: Guard, started: number, error: unknown): void {
  enterInstance(guard.caller);
  guard.meter.observe(clock() - started);
  guard.meter.fail(error);
  guard.breaker.fail();
}
