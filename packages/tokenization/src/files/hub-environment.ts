import { homedir } from "node:os";
import { join } from "node:path";

/** What the environment says about Hugging Face, under the names its own tools use. */
export interface HubEnvironment {
  /** HF_TOKEN. */
  readonly token: string | undefined;
  /** HF_ENDPOINT, else the public hub. */
  readonly endpoint: string;
  /** HF_HUB_OFFLINE is set: nothing is fetched. */
  readonly offline: boolean;
  /** Folder for what is fetched, in the user's cache folder. */
  readonly cacheDir: string;
}

/** Read when a tokenizer is loaded: a token that was renewed is seen without a restart where the process can see it. */
export function readHubEnvironment(env: NodeJS.ProcessEnv = process.env): HubEnvironment {
  return {
    token: env["HF_TOKEN"] || undefined,
    endpoint: env["HF_ENDPOINT"] || "https://huggingface.co",
    offline: /^(?:1|on|yes|true)$/i.test(env["HF_HUB_OFFLINE"] ?? ""),
    cacheDir: join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pointsman", "tokenizers"),
  };
}
