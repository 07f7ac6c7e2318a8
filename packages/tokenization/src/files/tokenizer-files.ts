import { open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The files that a tokenizer is made from, as text. */
export interface TokenizerFiles {
  readonly tokenizer: string;
  readonly config: string | undefined;
  readonly chatTemplate: string | undefined;
}

/** Larger files are no tokenizers: the largest published ones have about 35 MB. */
export const MAX_FILE_BYTES: number = 128 * 1024 * 1024;

export const FILE_NAMES = {
  tokenizer: "tokenizer.json",
  config: "tokenizer_config.json",
  chatTemplate: "chat_template.jinja",
} as const satisfies Record<keyof TokenizerFiles, string>;

/**
 * Reads a tokenizer from a folder, or from the folder of a tokenizer.json named directly.
 *
 * @throws {Error} that names the path, when there is no tokenizer.json or a file cannot be read
 */
export async function loadTokenizerFiles(path: string): Promise<TokenizerFiles> {
  const isFile = (await stat(path)).isFile();
  const folder = isFile ? dirname(path) : path;
  const [tokenizer, config, chatTemplate] = await Promise.all([
    readIfThere(join(folder, isFile ? basename(path) : FILE_NAMES.tokenizer)),
    readIfThere(join(folder, FILE_NAMES.config)),
    readIfThere(join(folder, FILE_NAMES.chatTemplate)),
  ]);
  if (tokenizer === undefined) throw new Error(`${folder} holds no ${FILE_NAMES.tokenizer}`);
  return { tokenizer, config, chatTemplate };
}

/** @returns undefined when there is no such file */
async function readIfThere(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) throw new Error(`${path} has ${size} bytes; at most ${MAX_FILE_BYTES} are read`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
