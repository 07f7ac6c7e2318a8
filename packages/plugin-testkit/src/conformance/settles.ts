/** Waits for a promise, but not longer than some milliseconds. True when it settled, well or not; leaves no timer. */
export async function settles(running: unknown, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const settled = Promise.resolve(running).then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A call that throws instead of rejecting has failed like any other. */
export async function attempt(call: () => unknown): Promise<unknown> {
  return call();
}
