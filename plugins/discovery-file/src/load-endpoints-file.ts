import { open } from "node:fs/promises";
import type { EndpointSpec } from "@pointsman/plugin-api";
import { EndpointsFileError } from "./endpoints-file-error.ts";
import { parseEndpointsFile } from "./parse-endpoints-file.ts";

/** Larger files are refused. */
export const largestFile = 1_048_576;

/** What a file said, and the state of the file it was read from. */
export interface LoadedFile {
  readonly endpoints: readonly EndpointSpec[];
  readonly state: string;
}

/** The file changed while it was read: somebody is writing, and what was read may be half of it. */
export class FileInMotion extends Error {
  override readonly name = "FileInMotion";
}

/**
 * Reads and parses the file.
 *
 * @throws EndpointsFileError with all mistakes when it cannot be read, is no UTF-8, too large, or wrong.
 * @throws FileInMotion when it was written to meanwhile.
 */
export async function loadEndpointsFile(path: string): Promise<LoadedFile> {
  const wrong = (message: string, cause?: unknown): EndpointsFileError =>
    new EndpointsFileError(path, [{ line: undefined, column: undefined, message }], cause);
  let text: string;
  let state: string;
  try {
    const file = await open(path, "r");
    try {
      const before = await file.stat({ bigint: true });
      if (!before.isFile()) throw wrong("is not a file");
      if (before.size > largestFile) throw wrong(`has ${before.size} bytes, more than ${largestFile}`);
      // One byte more, so that a file that has grown meanwhile shows.
      const bytes = Buffer.allocUnsafe(largestFile + 1);
      let size = 0;
      for (let read = -1; read !== 0 && size < bytes.length; size += read) {
        read = (await file.read(bytes, size, bytes.length - size)).bytesRead;
      }
      state = stateOf(before);
      if (stateOf(await file.stat({ bigint: true })) !== state) throw new FileInMotion(`${path} is being written`);
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, size));
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof EndpointsFileError || cause instanceof FileInMotion) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw wrong("there is no such file", cause);
    if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") throw wrong("is not UTF-8 text", cause);
    throw wrong(`cannot be read (${code ?? String(cause)})`, cause);
  }
  const parsed = parseEndpointsFile(text);
  if ("mistakes" in parsed) throw new EndpointsFileError(path, parsed.mistakes);
  return { endpoints: parsed.endpoints, state };
}

/** Tells one version of a file from another. */
export function stateOf(stats: { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}
