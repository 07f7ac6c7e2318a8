import { downloadTokenizer, keptTokenizer } from "./download-tokenizer.ts";
import { findLocalTokenizer } from "./find-local-tokenizer.ts";
import { readHubEnvironment } from "./hub-environment.ts";
import { loadTokenizerFiles, type TokenizerFiles } from "./tokenizer-files.ts";

/** Where a tokenizer comes from: a path, or a model's name that is looked up below a folder and then fetched. */
export type TokenizerSource =
  | { readonly path: string }
  | {
      readonly model: string;
      /** Folder with tokenizers, looked at first. */
      readonly localDir?: string;
      /** Fetch what is not there. Default true, unless the variable HF_HUB_OFFLINE is set. */
      readonly download?: boolean;
      /** Branch, tag or commit. Default `main`. */
      readonly revision?: string;
      /** Folder that keeps what was fetched. Default: `pointsman/tokenizers` in the user's cache folder. */
      readonly cacheDir?: string;
      /** Default: the variable HF_ENDPOINT, else `https://huggingface.co`. */
      readonly endpoint?: string;
      /** Default: the variable HF_TOKEN. */
      readonly token?: string;
      /** Time limit of one file in milliseconds. Default 120 000. */
      readonly timeoutMs?: number;
    };

/**
 * The files of a tokenizer: from the path; else from the local folder; else fetched, or kept from an earlier time.
 *
 * @throws {Error} that says what was looked for and where
 */
export async function loadTokenizerSource(
  source: TokenizerSource,
  warn: (message: string) => void,
): Promise<TokenizerFiles> {
  if ("path" in source) return await loadTokenizerFiles(source.path);
  const { model, localDir, revision = "main" } = source;
  if (localDir !== undefined) {
    const folder = await findLocalTokenizer(localDir, model, revision);
    if (folder !== undefined) return await loadTokenizerFiles(folder);
  }
  const hub = readHubEnvironment();
  const cacheDir = source.cacheDir ?? hub.cacheDir;
  const kept = await keptTokenizer(model, revision, cacheDir);
  if (kept !== undefined) return kept;
  if (hub.offline || source.download === false) {
    const places = [localDir, cacheDir].filter((place) => place !== undefined);
    throw new Error(`no tokenizer of ${model} in ${places.join(" or ")}, and downloads are switched off`);
  }
  return await downloadTokenizer(model, {
    endpoint: source.endpoint ?? hub.endpoint,
    revision,
    token: source.token ?? hub.token,
    cacheDir,
    timeoutMs: source.timeoutMs ?? 120_000,
    warn,
  });
}
