/** Which LoRA adapters compute and which wait. An adapter with requests in both states is in both lists. */
export interface AdapterSlots {
  /** Names with at least one running request, in the order in which they began to run. */
  running(): string[];
  /** Names with at least one waiting request, in the order in which they began to wait. */
  waiting(): string[];
  /** Whether a request for this adapter may start: it runs already, or a slot is free. */
  canRun(name: string): boolean;
  startWaiting(name: string): void;
  stopWaiting(name: string): void;
  /** Counts a request from waiting to running. */
  startRunning(name: string): void;
  stopRunning(name: string): void;
}

export function createAdapterSlots(slots: number): AdapterSlots {
  const running = new Map<string, number>();
  const waiting = new Map<string, number>();

  const add = (counts: Map<string, number>, name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  const subtract = (counts: Map<string, number>, name: string): void => {
    const left = (counts.get(name) ?? 0) - 1;
    if (left > 0) counts.set(name, left);
    else counts.delete(name);
  };

  return {
    running: () => [...running.keys()],
    waiting: () => [...waiting.keys()],
    canRun: (name) => running.has(name) || running.size < slots,
    startWaiting: (name) => add(waiting, name),
    stopWaiting: (name) => subtract(waiting, name),
    startRunning(name) {
      subtract(waiting, name);
      add(running, name);
    },
    stopRunning: (name) => subtract(running, name),
  };
}
