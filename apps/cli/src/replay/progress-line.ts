/** A run shorter than this says nothing, in milliseconds. */
const QUIET_MS = 2_000;
const EVERY_MS = 1_000;

/** Shows how far a long run has come: on one line of a terminal, now and then as a line elsewhere. */
export function createProgressLine(
  name: string,
  stream: Pick<NodeJS.WriteStream, "write" | "isTTY">,
): { show(done: number, all: number): void; end(): void } {
  const started = performance.now();
  let shown = started + QUIET_MS - EVERY_MS;
  let used = false;
  return {
    show(done, all) {
      const now = performance.now();
      if (now - shown < (stream.isTTY ? EVERY_MS : 5 * EVERY_MS)) return;
      shown = now;
      used = true;
      const text = `${name}: ${done} of ${all} requests, ${Math.round((now - started) / 1_000)} s`;
      stream.write(stream.isTTY ? `\r${text}\u001b[K` : `${text}\n`);
    },
    end() {
      if (used && stream.isTTY) stream.write("\r\u001b[K");
    },
  };
}
