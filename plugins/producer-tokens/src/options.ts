import { durationPattern } from "@pointsman/scrape-client";
import { z } from "zod";

const duration = (fallback: string) =>
  z.string().regex(durationPattern, "must be a duration such as 500ms or 5s").default(fallback);

const vllm = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .default("http://localhost:8000")
      .describe("Base URL of the server."),
    timeout: duration("5s").describe("Time limit of one prompt, within the request's deadline."),
    mmTimeout: duration("30s").describe("The same for prompts with images, video or audio."),
  })
  .describe("A vLLM server, or `vllm launch render`, that tokenizes over HTTP.");

const modelTokenizerMap = z
  .record(z.string().min(1), z.string().min(1))
  .describe(
    "Tokenizer by the name of the model that is asked for: another model's name, or a path (with / or . first).",
  );

const tokenizer = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .optional()
      .describe("Folder with tokenizer.json, or that file. Without it the tokenizer is found by `modelName`."),
    localDir: z
      .string()
      .min(1)
      .optional()
      .describe("Folder with tokenizers by model name, or laid out as Hugging Face's cache; looked at first."),
    download: z
      .boolean()
      .default(true)
      .describe("Fetch from Hugging Face what is not there, with HF_TOKEN if it is set."),
    revision: z.string().min(1).default("main").describe("Branch, tag or commit to fetch."),
    cacheDir: z
      .string()
      .min(1)
      .optional()
      .describe("Folder that keeps what was fetched. Default: `pointsman/tokenizers` in the user's cache folder."),
    modelTokenizerMap: modelTokenizerMap.default({}),
    timeout: duration("1s").describe("Time limit of one prompt, waiting included, within the request's deadline."),
    workers: z.number().int().min(1).max(64).default(1).describe("Threads; each loads the tokenizers for itself."),
    maxQueued: z
      .number()
      .int()
      .nonnegative()
      .default(64)
      .describe("Prompts that wait for a thread; one more goes without."),
    maxInputBytes: z
      .number()
      .int()
      .positive()
      .max(256 * 1024 * 1024)
      .default(8 * 1024 * 1024)
      .describe("Larger bodies go without."),
    cacheBytes: z
      .number()
      .int()
      .nonnegative()
      .default(64 * 1024 * 1024)
      .describe("Most memory of each thread's cache of segments."),
  })
  .describe("A tokenizer in this process, in threads of its own.");

const legacyPool = z
  .strictObject({
    modelName: z.string().min(1).optional().describe("As `modelName`."),
    workersCount: z.number().int().min(1).max(64).default(5).describe("As `tokenizer.workers`."),
    minPrefixOverlapRatio: z.number().optional().describe("Without effect: the cache of segments is exact."),
    hf: z
      .strictObject({
        enabled: z.boolean().default(true).describe("As `tokenizer.download`."),
        huggingFaceToken: z.string().optional().describe("Instead of the variable HF_TOKEN."),
        tokenizersCacheDir: z.string().min(1).optional().describe("As `tokenizer.cacheDir`."),
      })
      .prefault({})
      .describe("Downloads."),
    local: z
      .strictObject({
        autoDiscoveryDir: z.string().min(1).default("/mnt/models").describe("As `tokenizer.localDir`."),
        autoDiscoveryTokenizerFileName: z
          .literal("tokenizer.json")
          .default("tokenizer.json")
          .describe("No other name."),
        modelTokenizerMap: modelTokenizerMap.default({}),
      })
      .prefault({})
      .describe("Local folders."),
  })
  .describe("Older form of `tokenizer`, of llm-d's KV cache manager.")
  .meta({ deprecated: true });

const refused = z
  .never({ error: "the tokenizer behind a Unix socket is not supported: use `tokenizer` (in process) or `vllm`" })
  .optional()
  .describe("Not supported; use `tokenizer` or `vllm`.");

export const tokenOptions = z
  .strictObject({
    modelName: z
      .string()
      .min(1)
      .optional()
      .describe("Model whose tokenizer is meant, for all models and adapters that are asked for."),
    vllm: vllm.optional(),
    tokenizer: tokenizer.optional(),
    tokenizersPoolConfig: legacyPool.optional(),
    udsTokenizerConfig: refused,
    fallback: z
      .enum(["none", "estimate"])
      .default("none")
      .describe("What a prompt gets when its tokenizer fails: no tokens, or the estimate."),
  })
  .superRefine((options, context) => {
    const complain = (path: string[], message: string): void => context.addIssue({ code: "custom", path, message });
    const { modelName, vllm, tokenizer, tokenizersPoolConfig: legacy } = options;
    if (vllm !== undefined && modelName === undefined) complain(["modelName"], "is needed with vllm");
    if (tokenizer !== undefined && legacy !== undefined) {
      complain(["tokenizersPoolConfig"], "says the same as tokenizer: leave it out");
    }
    const map = tokenizer?.modelTokenizerMap ?? legacy?.local.modelTokenizerMap ?? {};
    const named = modelName ?? tokenizer?.path ?? legacy?.modelName;
    if ((tokenizer ?? legacy) !== undefined && named === undefined && Object.keys(map).length === 0) {
      complain(["modelName"], "is needed with a tokenizer in process, or tokenizer.path, or a modelTokenizerMap");
    }
  });

export type TokenOptions = z.output<typeof tokenOptions>;
