import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isModelName } from "./find-local-tokenizer.ts";
import { FILE_NAMES, loadTokenizerFiles, MAX_FILE_BYTES, type TokenizerFiles } from "./tokenizer-files.ts";

export interface DownloadOptions {
  /** Where models are fetched from, `https://huggingface.co` for example. */
  readonly endpoint: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Access token; sent to the endpoint only, and part of no message. */
  readonly token: string | undefined;
  /** Folder that keeps what was fetched. */
  readonly cacheDir: string;
  /** Time limit of one file in milliseconds. */
  readonly timeoutMs: number;
  readonly warn: (message: string) => void;
}

/**
 * Fetches a model's tokenizer, and keeps it for the next time.
 *
 * What is kept appears at once, by a rename, so that no other process sees half a tokenizer. When it cannot be kept
 * (full disk, read-only folder) a warning says so and the tokenizer works from memory.
 *
 * @throws {Error} that says which file could not be fetched and why, without the access token
 */
export async function downloadTokenizer(model: string, options: DownloadOptions): Promise<TokenizerFiles> {
  if (!isModelName(model)) throw new Error(`${JSON.stringify(model)} is no name of a model`);
  const [tokenizer, config, chatTemplate] = await Promise.all([
    fetchFile(model, FILE_NAMES.tokenizer, options),
    fetchFile(model, FILE_NAMES.config, options),
    fetchFile(model, FILE_NAMES.chatTemplate, options),
  ]);
  if (tokenizer === undefined) throw new Error(`the model ${model} has no ${FILE_NAMES.tokenizer}`);
  // A proxy's sign-in page must not be kept as a tokenizer.
  JSON.parse(tokenizer);
  const files = { tokenizer, config, chatTemplate };
  const folder = folderOf(model, options.revision, options.cacheDir);
  await keep(folder, files).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    options.warn(
      `the tokenizer of ${model} cannot be kept in ${folder} and will be fetched again after a restart: ${reason}`,
    );
  });
  return files;
}

/** What an earlier run has kept; undefined when there is nothing that can be read. */
export async function keptTokenizer(
  model: string,
  revision: string,
  cacheDir: string,
): Promise<TokenizerFiles | undefined> {
  if (!isModelName(model)) return undefined;
  return await loadTokenizerFiles(folderOf(model, revision, cacheDir)).catch(() => undefined);
}

function folderOf(model: string, revision: string, cacheDir: string): string {
  return join(cacheDir, model, encodeURIComponent(revision));
}

/** @returns undefined when the model has no such file */
async function fetchFile(model: string, name: string, options: DownloadOptions): Promise<string | undefined> {
  const { endpoint, revision, timeoutMs, token } = options;
  const url = `${endpoint.replace(/\/+$/, "")}/${model}/resolve/${encodeURIComponent(revision)}/${name}`;
  const fail = (reason: string, cause?: unknown): Error =>
    new Error(`${url}: ${reason}`, cause === undefined ? {} : { cause });
  let response: Response;
  try {
    response = await fetch(url, {
      // `fetch` drops this header when it is redirected to another origin.
      headers: token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw fail("cannot be reached", error);
  }
  if (response.status === 404 && name !== FILE_NAMES.tokenizer) {
    await response.body?.cancel();
    return undefined;
  }
  if (response.status === 401 || response.status === 403) {
    await response.body?.cancel();
    throw fail(
      `access is refused (${response.status}); the model may be gated: set HF_TOKEN to a token that may read it`,
    );
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw fail(`status ${response.status}`);
  }
  try {
    return await readLimited(response);
  } catch (error) {
    throw fail(error instanceof Error ? error.message : "broke off", error);
  }
}

async function readLimited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_FILE_BYTES) throw new Error(`more than ${MAX_FILE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function keep(folder: string, files: TokenizerFiles): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const incomplete = `${folder}.${randomUUID()}.incomplete`;
  try {
    await mkdir(incomplete);
    for (const [member, name] of Object.entries(FILE_NAMES)) {
      const text = files[member as keyof TokenizerFiles];
      if (text !== undefined) await writeFile(join(incomplete, name), text, { flush: true });
    }
    await rename(incomplete, folder);
  } catch (error) {
    await rm(incomplete, { recursive: true, force: true });
    // Another process was faster: what it kept is as good.
    if ((await loadTokenizerFiles(folder).catch(() => undefined)) !== undefined) return;
    throw error;
  }
}
