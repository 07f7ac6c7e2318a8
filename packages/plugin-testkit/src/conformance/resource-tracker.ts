import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { setTimeout as pause } from "node:timers/promises";

/** Something that keeps running, and the line that started it. */
export interface Leftover {
  readonly kind: string;
  readonly where: string;
}

/** Knows what a piece of code and everything it causes has started and not ended. */
export interface ResourceTracker {
  /** Runs code whose resources count. */
  run<Result>(code: () => Result): Result;
  /** What is still there, after giving closings under way a moment. */
  leftovers(): Promise<readonly Leftover[]>;
  end(): void;
}

/** Resources of Node that stay until somebody ends them, in the words of a reader. */
const kinds: Readonly<Record<string, string>> = {
  Timeout: "a timer",
  TCPSERVERWRAP: "a TCP server",
  PIPESERVERWRAP: "a pipe server",
  TCPWRAP: "a TCP connection",
  TCPSOCKETWRAP: "a TCP connection",
  PIPEWRAP: "a pipe",
  UDPWRAP: "a UDP socket",
  TLSWRAP: "a TLS connection",
  HTTP2SESSION: "an HTTP/2 session",
  FSEVENTWRAP: "a file watcher",
  STATWATCHER: "a file watcher",
  FILEHANDLE: "an open file",
  PROCESSWRAP: "a child process",
  SIGNALWRAP: "a signal handler",
  WORKER: "a worker thread",
};

/** Closings need a few turns of the event loop; longest wait in milliseconds. */
const PATIENCE_MS = 600;
const STEP_MS = 20;

interface TimerResource {
  readonly _repeat?: unknown;
  hasRef?(): boolean;
}

export function trackResources(): ResourceTracker {
  const inside = new AsyncLocalStorage<true>();
  const alive = new Map<
    number,
    { readonly type: string; readonly where: string; readonly resource: WeakRef<object> }
  >();
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (kinds[type] === undefined || inside.getStore() !== true) return;
      alive.set(id, { type, where: callerOf(new Error().stack ?? ""), resource: new WeakRef(resource) });
    },
    destroy(id) {
      alive.delete(id);
    },
  }).enable();
  const current = (): Leftover[] =>
    [...alive.values()]
      .filter(({ type, resource }) => type !== "Timeout" || goesOn(resource.deref() as TimerResource | undefined))
      .map(({ type, where }) => ({ kind: kinds[type] ?? type, where }));
  return {
    run: (code) => inside.run(true, code),
    async leftovers() {
      for (let waited = 0; waited < PATIENCE_MS && current().length > 0; waited += STEP_MS) await pause(STEP_MS);
      return current();
    },
    end: () => void hook.disable(),
  };
}

/** A single timer that does not keep the process alive ends by itself; libraries have some for their caches. */
function goesOn(timer: TimerResource | undefined): boolean {
  if (timer === undefined) return false;
  return timer.hasRef?.() !== false || (timer._repeat !== null && timer._repeat !== undefined);
}

/** The first line of a stack that is neither Node's nor the kit's. */
function callerOf(stack: string): string {
  const line = stack
    .split("\n")
    .slice(1)
    .find((frame) => !/node:|plugin-testkit\/(dist|src)\/|async_hooks/.test(frame));
  const place = line?.match(/\(?((?:file:\/\/)?\/[^()\s]+:\d+):\d+\)?$/)?.[1];
  return place?.replace(/^file:\/\//, "") ?? "inside Node";
}

export function describeLeftovers(leftovers: readonly Leftover[]): string {
  return [...new Set(leftovers.map(({ kind, where }) => `${kind} (started at ${where})`))].join(", ");
}
