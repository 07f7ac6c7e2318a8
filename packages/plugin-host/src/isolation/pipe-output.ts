import type { Readable } from "node:stream";
import type { Logger } from "@pointsman/plugin-api";

/** Lines of one stream that are logged in a second; more are counted and said once. */
const LINES_PER_SECOND = 20;
const MAX_LINE_LENGTH = 1_000;

/** What a worker writes to its standard output and error becomes log lines of its instance. */
export function pipeOutput(
  { stdout, stderr }: { readonly stdout: Readable; readonly stderr: Readable },
  log: Logger,
): void {
  pipeLines(stdout, (line, dropped) => log.info("output of the plugin", { line, ...(dropped > 0 && { dropped }) }));
  pipeLines(stderr, (line, dropped) =>
    log.warn("error output of the plugin", { line, ...(dropped > 0 && { dropped }) }),
  );
}

/** @param write gets a line, and how many were dropped since the one before. */
function pipeLines(stream: Readable, write: (line: string, dropped: number) => void): void {
  let rest = "";
  let second = 0;
  let lines = 0;
  let dropped = 0;
  const take = (line: string): void => {
    if (line === "") return;
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) {
      second = now;
      lines = 0;
    }
    lines += 1;
    if (lines > LINES_PER_SECOND) {
      dropped += 1;
      return;
    }
    write(line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line, dropped);
    dropped = 0;
  };
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    const parts = `${rest}${chunk}`.split("\n");
    // A line that never ends must not be kept for ever.
    rest = (parts.pop() ?? "").slice(0, MAX_LINE_LENGTH + 1);
    for (const part of parts) take(part);
  });
  stream.on("end", () => take(rest));
}
