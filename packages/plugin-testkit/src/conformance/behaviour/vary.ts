import { pseudoRandom } from "../../test-request.ts";

/** The same items in another order (Fisher-Yates), decided by the seed. */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const next = pseudoRandom(seed);
  const list = [...items];
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = Math.floor(next() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

/**
 * Gives a function that runs a synchronous call while `Date.now()` is ahead by some milliseconds and `Math.random()`
 * always says the same: whoever asks them answers differently next time.
 */
export function withOtherClock<Result>(
  { ahead, dice }: { readonly ahead: number; readonly dice: number },
  use: (during: <Inner>(call: () => Inner) => Inner) => Result,
): Result {
  return use((call) => {
    const { now } = Date;
    const { random } = Math;
    Date.now = () => now() + ahead;
    Math.random = () => dice;
    try {
      return call();
    } finally {
      Date.now = now;
      Math.random = random;
    }
  });
}
