/** What a value must be; the command line and the programmatic options are checked by the same rules. */
export type OptionRule =
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "number"; readonly min: number; readonly max: number }
  | { readonly kind: "text" }
  | { readonly kind: "choice"; readonly values: readonly string[] }
  | { readonly kind: "names" };

/** Options of one simulated server. All durations are milliseconds unless the name says otherwise. */
export interface ModelSimOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Label of this server, in the response header `x-sim-server` and in `system_fingerprint`. */
  readonly name: string;
  /** Names of the base model. The first is the `model_name` of the metrics, the others are aliases. */
  readonly models: readonly string[];
  /** LoRA adapters of the first model, each asked for by its name as `model`. */
  readonly loras: readonly string[];
  /** Different adapters that may compute at the same time. */
  readonly maxLoras: number;
  /** Time to the first token that every request pays. */
  readonly ttftMs: number;
  /** Microseconds of prefill per prompt token that is not in the prefix cache. */
  readonly prefillUsPerToken: number;
  readonly interTokenMs: number;
  /** 0 to 1: each duration is multiplied by a random number from [1 - jitter, 1 + jitter]. */
  readonly jitter: number;
  /** Batch limit: so many requests compute at once, the rest waits first in, first out. */
  readonly maxNumSeqs: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
  /** KV blocks of the server. */
  readonly numBlocks: number;
  /** Longest prompt plus output in tokens; 0 means no limit. */
  readonly maxModelLen: number;
  /** Tokens of an answer when nothing in the request makes it shorter. */
  readonly outputTokens: number;
  /** Numbers per embedding. */
  readonly embeddingDimensions: number;
  /** Seed of everything random: texts, jitter, failures. */
  readonly seed: number;
  /** Share of inference requests answered with 500, 0 to 1. */
  readonly failRate: number;
  /** `/metrics` is filled up to at least this many bytes with series as a real server has them. */
  readonly metricsPaddingBytes: number;
  /** Longest request body in MiB; a longer one is refused with 413. */
  readonly maxBodyMb: number;
  /** So many of the latest inference requests are kept in `state().requests`. */
  readonly requestLog: number;
  /** 0 to 1: how much computing a prompt slows down everything else on the server. */
  readonly prefillInterference: number;
  /** `prefill`, `decode` or `both`: which half of disaggregated serving a request with a bootstrap room means here. */
  readonly role: string;
  /** A second port that answers as the first, for `/query` and bootstrap rooms; 0 opens none. */
  readonly bootstrapPort: number;
  /** Time that fetching the KV blocks of a prompt takes, on the server that has them. */
  readonly kvTransferMs: number;
  /** The same for each token of the prompt, in microseconds. */
  readonly kvTransferUsPerToken: number;
  /** KV blocks that nobody has fetched are given up after this time; a fetch is, too. */
  readonly kvTransferTimeoutMs: number;
  /** What becomes of a request whose KV blocks cannot be fetched: `recompute` or `fail`. */
  readonly kvLoadFailure: string;
}

interface OptionEntry<K extends keyof ModelSimOptions> {
  readonly flag: string;
  readonly rule: OptionRule;
  readonly fallback: ModelSimOptions[K];
  readonly help: string;
}

const oneOf = (...values: readonly string[]): OptionRule => ({ kind: "choice", values });
const integer = (min: number, max: number): OptionRule => ({ kind: "integer", min, max });
const number = (min: number, max: number): OptionRule => ({ kind: "number", min, max });
const hour = 3_600_000;

/** Every option with its flag, its rule, its default and its line in the help, in the order of the help. */
export const optionTable: { readonly [K in keyof ModelSimOptions]: OptionEntry<K> } = {
  host: { flag: "host", rule: { kind: "text" }, fallback: "127.0.0.1", help: "address to listen on" },
  port: { flag: "port", rule: integer(0, 65_535), fallback: 0, help: "port to listen on; 0 takes a free one" },
  name: {
    flag: "name",
    rule: { kind: "text" },
    fallback: "model-sim",
    help: "label in x-sim-server and system_fingerprint; with several servers -0, -1, … is added",
  },
  models: { flag: "model", rule: { kind: "names" }, fallback: ["sim-model"], help: "model name and aliases" },
  loras: { flag: "lora", rule: { kind: "names" }, fallback: [], help: "LoRA adapters" },
  maxLoras: { flag: "max-loras", rule: integer(1, 4096), fallback: 4, help: "adapters that may compute at once" },
  ttftMs: { flag: "ttft-ms", rule: number(0, hour), fallback: 20, help: "time to first token that every request pays" },
  prefillUsPerToken: {
    flag: "prefill-us-per-token",
    rule: number(0, 1e6),
    fallback: 10,
    help: "microseconds of prefill per uncached prompt token",
  },
  interTokenMs: { flag: "inter-token-ms", rule: number(0, hour), fallback: 5, help: "time between two tokens" },
  jitter: { flag: "jitter", rule: number(0, 1), fallback: 0, help: "0 to 1: spread of every duration" },
  maxNumSeqs: {
    flag: "max-num-seqs",
    rule: integer(1, 1e6),
    fallback: 16,
    help: "batch limit; further requests wait first in, first out",
  },
  blockSize: { flag: "block-size", rule: integer(1, 4096), fallback: 16, help: "tokens per KV block" },
  numBlocks: { flag: "num-blocks", rule: integer(1, 1e7), fallback: 1024, help: "KV blocks of the server" },
  maxModelLen: {
    flag: "max-model-len",
    rule: integer(0, 1e9),
    fallback: 0,
    help: "longest prompt plus output in tokens; 0 means no limit",
  },
  outputTokens: {
    flag: "output-tokens",
    rule: integer(1, 131_072),
    fallback: 16,
    help: "tokens of an answer that nothing makes shorter",
  },
  embeddingDimensions: {
    flag: "embedding-dimensions",
    rule: integer(1, 65_536),
    fallback: 64,
    help: "numbers per embedding",
  },
  seed: { flag: "seed", rule: integer(0, 0xffff_ffff), fallback: 0, help: "seed of texts, jitter and failures" },
  failRate: { flag: "fail-rate", rule: number(0, 1), fallback: 0, help: "share of requests answered with 500" },
  metricsPaddingBytes: {
    flag: "metrics-padding-bytes",
    rule: integer(0, 64 * 1024 * 1024),
    fallback: 0,
    help: "fill /metrics up to this many bytes; real pages have about 32768",
  },
  maxBodyMb: { flag: "max-body-mb", rule: number(0.001, 1024), fallback: 64, help: "longest request body in MiB" },
  requestLog: {
    flag: "request-log",
    rule: integer(0, 1e6),
    fallback: 1000,
    help: "latest requests shown by GET /sim/state",
  },
  prefillInterference: {
    flag: "prefill-interference",
    rule: number(0, 1),
    fallback: 0,
    help: "0 to 1: how much a prefill delays other prefills and decodes",
  },
  role: {
    flag: "role",
    rule: oneOf("both", "prefill", "decode"),
    fallback: "both",
    help: "part in disaggregated serving",
  },
  bootstrapPort: {
    flag: "bootstrap-port",
    rule: integer(0, 65_535),
    fallback: 0,
    help: "second port, for /query and bootstrap rooms; 0 opens none",
  },
  kvTransferMs: { flag: "kv-transfer-ms", rule: number(0, hour), fallback: 0, help: "time to fetch KV blocks" },
  kvTransferUsPerToken: {
    flag: "kv-transfer-us-per-token",
    rule: number(0, 1e6),
    fallback: 0,
    help: "microseconds to fetch the KV blocks of one token",
  },
  kvTransferTimeoutMs: {
    flag: "kv-transfer-timeout-ms",
    rule: number(1, hour),
    fallback: 480_000,
    help: "KV blocks that nobody fetched are given up after this time",
  },
  kvLoadFailure: {
    flag: "kv-load-failure",
    rule: oneOf("recompute", "fail"),
    fallback: "recompute",
    help: "what becomes of a request whose KV blocks cannot be fetched",
  },
};

export const optionNames = Object.keys(optionTable) as readonly (keyof ModelSimOptions)[];
