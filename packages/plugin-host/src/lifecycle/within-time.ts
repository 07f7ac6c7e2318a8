/** Thrown by {@link withinTime}. */
export class TimeLimitError extends Error {
  override readonly name = "TimeLimitError";
}

/**
 * Waits for `task` at most `limitMs`. A task that is late goes on, but its outcome is ignored.
 * @throws TimeLimitError, or what the task throws.
 */
export async function withinTime<Result>(limitMs: number, task: () => Result | Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(`not finished after ${limitMs} ms`)), limitMs);
  });
  const running = (async () => task())();
  running.catch(() => {});
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
