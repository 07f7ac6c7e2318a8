export interface PollLimits {
  readonly deadlineMs?: number;
  readonly pauseMs?: number;
  /** What to say when the deadline has passed. */
  readonly describe?: () => unknown;
}

/**
 * Looks until there is something to see, and returns it.
 *
 * @param look returns undefined while it is too early
 */
export async function poll<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { deadlineMs = 15_000, pauseMs = 10, describe }: PollLimits = {},
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) {
      throw new Error(`waited ${deadlineMs} ms for ${what}; last seen: ${JSON.stringify(await describe?.())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Waits until a condition holds. @returns how long it took, in milliseconds */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limits: PollLimits = {},
): Promise<number> {
  const from = performance.now();
  await poll(what, async () => ((await holds()) ? true : undefined), limits);
  return performance.now() - from;
}
