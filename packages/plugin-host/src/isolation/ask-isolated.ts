import type { RequestView } from "@pointsman/plugin-api";
import type { IsolatedPlugin } from "./isolated-plugin.ts";
import type { AskedTable } from "./posted-table.ts";

/**
 * Asks all isolated instances at once for their votes about a request. Returns undefined when there is nobody to ask;
 * else a promise that never rejects and is settled when all have answered, and at the common deadline at the latest.
 * @param limitMs what is left of the request's own time.
 */
export function askIsolated(
  plugins: readonly IsolatedPlugin[],
  request: RequestView,
  table: AskedTable,
  limitMs: number,
): Promise<void> | undefined {
  let open = 0;
  let wake: () => void = () => {};
  const settled = (): void => {
    open -= 1;
    if (open === 0) wake();
  };
  let waitMs = 0;
  const asked: (() => void)[] = [];
  for (const plugin of plugins) {
    const giveUp = plugin.ask(request, table, settled);
    if (giveUp === undefined) continue;
    open += 1;
    waitMs = Math.max(waitMs, plugin.limits.deadlineMs);
    asked.push(giveUp);
  }
  if (open === 0) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(
      () => {
        for (const giveUp of asked) giveUp();
        resolve();
      },
      Math.max(0, Math.min(waitMs, limitMs)),
    );
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
