import { createWriteStream, existsSync, openSync, renameSync, rmSync, statSync, type WriteStream } from "node:fs";
import type { Logger } from "@pointsman/plugin-api";
import { type DecisionRecord, reportDecision } from "./decision-record.ts";

export interface DecisionLogOptions {
  readonly file: string;
  /** Size at which the file is rotated, in bytes. */
  readonly maxBytes: number;
  /** Older files kept, as `file.1` (the newest) and so on. */
  readonly keep: number;
  readonly log: Logger;
}

/** Lines that wait for the disk beyond this are dropped: a slow disk must not fill the memory. */
const MAX_PENDING_BYTES = 8 * 1_048_576;

/** Appends each finished decision to a file, one JSON object a line, and rotates it by size. */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  /** Undefined while the file cannot be written. */
  #stream: WriteStream | undefined;
  /** Streams of rotated files that still have lines to write. */
  readonly #ending = new Set<Promise<void>>();
  #bytes: number;
  #dropped = 0;

  /** Opens the file for appending; a failure to open or write is logged and ends the recording, nothing else. */
  constructor(options: DecisionLogOptions) {
    this.#options = options;
    this.#bytes = existsSync(options.file) ? statSync(options.file).size : 0;
    this.#stream = this.#open();
  }

  write(record: DecisionRecord): void {
    if (this.#stream === undefined || this.#stream.writableLength > MAX_PENDING_BYTES) {
      this.#dropped += 1;
      return;
    }
    const line = `${JSON.stringify(reportDecision(record))}\n`;
    this.#bytes += Buffer.byteLength(line);
    this.#stream.write(line);
    if (this.#bytes >= this.#options.maxBytes) this.#rotate();
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    if (this.#dropped > 0) this.#options.log.warn("decisions were not recorded", { dropped: this.#dropped });
    this.#end();
    await Promise.all(this.#ending);
  }

  #open(): WriteStream | undefined {
    const { file } = this.#options;
    try {
      // Opened at once: a stream that opens later would follow the name to the next file after a rotation.
      const stream = createWriteStream(file, { fd: openSync(file, "a") });
      stream.on("error", (error) => this.#fail(error));
      return stream;
    } catch (error) {
      this.#fail(error as Error);
      return undefined;
    }
  }

  #fail(error: Error): void {
    this.#stream = undefined;
    this.#options.log.error("decisions can no longer be recorded", { file: this.#options.file, error: error.message });
  }

  #end(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined) return;
    const ended = new Promise<void>((resolve) => {
      stream.once("close", resolve);
      stream.end();
    }).then(() => void this.#ending.delete(ended));
    this.#ending.add(ended);
  }

  #rotate(): void {
    const { file, keep } = this.#options;
    this.#end();
    try {
      rmSync(`${file}.${keep}`, { force: true });
      for (let n = keep - 1; n >= 1; n -= 1) {
        if (existsSync(`${file}.${n}`)) renameSync(`${file}.${n}`, `${file}.${n + 1}`);
      }
      if (keep > 0) renameSync(file, `${file}.1`);
    } catch (error) {
      this.#options.log.error("the decision record cannot be rotated", { file, error: String(error) });
    }
    this.#bytes = 0;
    this.#stream = this.#open();
  }
}
