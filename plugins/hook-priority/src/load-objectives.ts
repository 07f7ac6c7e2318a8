import type { BigIntStats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { type Objectives, parseObjectives } from "./parse-objectives.ts";

/** Larger files are refused, as llm-d refuses larger endpoint files. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Changes whenever the file is written, replaced or removed. */
export type FileVersion = string;

export interface LoadedObjectives {
  readonly objectives: Objectives;
  readonly version: FileVersion;
}

/**
 * Reads an objectives file.
 * @throws Error whose message names the file and, for each problem of its content, `line:column`.
 */
export async function loadObjectives(path: string): Promise<LoadedObjectives> {
  // Before it is opened: to open a pipe would wait for somebody who writes into it.
  if (!(await stat(path)).isFile()) throw new Error(`${path}: is no regular file`);
  const file = await open(path, "r");
  try {
    const version = versionOf(await file.stat({ bigint: true }));
    const text = await readText(file, path);
    const parsed = parseObjectives(text);
    if ("objectives" in parsed) return { objectives: parsed.objectives, version };
    throw new Error(
      parsed.problems.map(({ line, column, message }) => `${path}:${line}:${column}: ${message}`).join("; "),
    );
  } finally {
    await file.close();
  }
}

/** Version of the file at a path; a constant when there is none. */
export async function fileVersion(path: string): Promise<FileVersion> {
  try {
    return versionOf(await stat(path, { bigint: true }));
  } catch (error) {
    return `unreadable ${(error as NodeJS.ErrnoException).code}`;
  }
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): FileVersion {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

async function readText(file: FileHandle, path: string): Promise<string> {
  // One byte more than allowed shows that the file is too large, also when it grows while it is read.
  const buffer = Buffer.allocUnsafe(MAX_FILE_BYTES + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    if (bytesRead === 0) break;
    length += bytesRead;
    if (length > MAX_FILE_BYTES) throw new Error(`${path}: larger than ${MAX_FILE_BYTES} bytes`);
  }
  return buffer.toString("utf8", 0, length);
}
