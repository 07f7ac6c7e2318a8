/** SIGTERM and SIGINT of the process, from when it is made until `stop`; the default of Node, to end, is off meanwhile. */
export interface Signals {
  /** Resolves at the first one: time to drain. */
  readonly first: Promise<void>;
  /** Resolves at the second one: no patience is left. */
  readonly second: Promise<void>;
  stop(): void;
}

export function listenForSignals(): Signals {
  let resolveFirst!: () => void;
  let resolveSecond!: () => void;
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve;
  });
  const second = new Promise<void>((resolve) => {
    resolveSecond = resolve;
  });
  let count = 0;
  const onSignal = (): void => (++count === 1 ? resolveFirst() : resolveSecond());
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return { first, second, stop: () => void process.off("SIGTERM", onSignal).off("SIGINT", onSignal) };
}
