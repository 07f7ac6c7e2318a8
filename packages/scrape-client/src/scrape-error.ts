/** What went wrong with one scrape. */
export type ScrapeErrorCode =
  /** The server could not be reached, or the connection broke before the answer was complete. */
  | "ERR_SCRAPE_UNREACHABLE"
  /** The answer's status is not 200. */
  | "ERR_SCRAPE_STATUS"
  /** The answer is larger than `maxBodyBytes`. */
  | "ERR_SCRAPE_TOO_LARGE"
  /** The answer is compressed, which nobody asked for. */
  | "ERR_SCRAPE_ENCODING"
  /** The client was closed. */
  | "ERR_SCRAPE_CLOSED"
  /** A certificate or key file cannot be read or used. */
  | "ERR_SCRAPE_TLS_FILE"
  /** The answer is not in the format that was expected. */
  | "ERR_SCRAPE_FORMAT";

/** A failed scrape: a code for programs, a sentence with the URL for people. */
export class ScrapeError extends Error {
  override readonly name = "ScrapeError";
  readonly code: ScrapeErrorCode;
  /** HTTP status when the server answered, undefined otherwise. */
  readonly status: number | undefined;

  constructor(code: ScrapeErrorCode, message: string, details: { status?: number; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.status = details.status;
  }
}
