import type { Logger } from "@pointsman/plugin-api";
import type { HostLogger } from "@pointsman/telemetry";

/** Lines one instance may log in a second; the rest is counted and said once. */
const LINES_PER_SECOND = 100;
/** Longest message, and longest text of one field. */
const MAX_LENGTH = 2_000;

/**
 * A log that a plugin cannot flood: what is over the limit of one second is dropped, what is too long is cut.
 * @param onLoss called for each line that was dropped or cut.
 */
export function limitedLog(log: HostLogger, onLoss: () => void): Logger {
  let second = 0;
  let lines = 0;
  const allowed = (): boolean => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      if (lines > LINES_PER_SECOND) {
        log.warn("log lines of this plugin were dropped", { dropped: lines - LINES_PER_SECOND });
      }
      second = now;
      lines = 0;
    }
    lines += 1;
    if (lines <= LINES_PER_SECOND) return true;
    onLoss();
    return false;
  };
  const write =
    (level: keyof Logger) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      if (!allowed()) return;
      const cut = { count: 0 };
      const text = shorten(String(message), cut);
      const rest = fields === undefined ? undefined : shortenFields(fields, cut);
      if (cut.count > 0) onLoss();
      log[level](text, rest);
    };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function shortenFields(
  fields: Readonly<Record<string, unknown>>,
  cut: { count: number },
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shortenValue(value, cut)]));
}

function shortenValue(value: unknown, cut: { count: number }): unknown {
  if (typeof value === "string") return shorten(value, cut);
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  try {
    const text = JSON.stringify(value) ?? "";
    return text.length > MAX_LENGTH ? shorten(text, cut) : value;
  } catch {
    // What JSON cannot write the log could not write either.
    return String(value);
  }
}

function shorten(text: string, cut: { count: number }): string {
  if (text.length <= MAX_LENGTH) return text;
  cut.count += 1;
  return `${text.slice(0, MAX_LENGTH)}… (${text.length} characters)`;
}
