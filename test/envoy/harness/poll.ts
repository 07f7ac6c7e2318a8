/** Between two looks, in milliseconds. */
const PAUSE_MS = 10;
const DEADLINE_MS = 15_000;

/**
 * Looks until there is something to see.
 *
 * @param look returns undefined while it is too early
 * @throws Error with what `describe` says when the deadline has passed
 */
export async function poll<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  describe: () => unknown = () => undefined,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) {
      throw new Error(`waited ${DEADLINE_MS} ms for ${what}; last seen: ${JSON.stringify(await describe())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Waits until a condition holds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  describe?: () => unknown,
): Promise<void> {
  await poll(what, async () => ((await holds()) ? true : undefined), describe);
}
