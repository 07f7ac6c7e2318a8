import type { Logger } from "@pointsman/plugin-api";
import { type DestinationStream, type Logger as PinoLogger, pino } from "pino";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  readonly level: LogLevel;
  /** Where lines go; standard error by default, since standard output belongs to commands. */
  readonly destination?: DestinationStream;
}

/** The host's log: one JSON object a line, with ISO time and level names. */
export interface HostLogger extends Logger {
  /** The same log with more fields in every line. */
  child(fields: Readonly<Record<string, unknown>>): HostLogger;
}

/** Field names whose values never reach a log, wherever a plugin puts them. */
const SECRETS = ["authorization", "cookie", "token", "password", "secret", "apiKey", "api_key", "prompt", "body"];

export function createLogger({ level, destination }: LogOptions): HostLogger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: "[masked]" },
  };
  return wrap(pino(options, destination ?? process.stderr));
}

function wrap(log: PinoLogger): HostLogger {
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
    child: (fields) => wrap(log.child(fields)),
  };
}
