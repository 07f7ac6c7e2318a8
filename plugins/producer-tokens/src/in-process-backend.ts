import type { Clock, Logger, RequestView } from "@pointsman/plugin-api";
import {
  TokenizationFailure,
  type TokenizationFailureReason,
  TokenizerPool,
  type TokenizerSource,
  tokenizableApis,
} from "@pointsman/tokenization";
import type { InProcessOptions } from "./in-process-options.ts";
import { type MissReason, type TokenBackend, TokenMiss } from "./token-backend.ts";
import type { TokenMetrics } from "./token-metrics.ts";

const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 5 * 60_000;

const REASONS: Readonly<Record<TokenizationFailureReason, MissReason>> = {
  unsupported: "unsupported",
  cancelled: "timeout",
  failed: "failed",
  busy: "busy",
  "too-large": "too_large",
  crashed: "failed",
  stopped: "failed",
};

interface NamedTokenizer {
  readonly name: string;
  readonly source: TokenizerSource;
  state: "loading" | "loaded" | "failed";
}

/** Tokenizers in threads of this process. */
export class InProcessBackend implements TokenBackend {
  readonly name = "in_process";
  readonly timeoutMs: number;
  readonly #options: InProcessOptions;
  readonly #pool: TokenizerPool;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: TokenMetrics;
  readonly #signal: AbortSignal;
  readonly #standard: NamedTokenizer | undefined;
  readonly #byModel = new Map<string, NamedTokenizer>();
  /** One for each source, however many models use it. */
  readonly #tokenizers = new Map<string, NamedTokenizer>();

  constructor(
    options: InProcessOptions,
    services: { readonly clock: Clock; readonly log: Logger; readonly metrics: TokenMetrics },
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.timeoutMs = options.timeoutMs;
    this.#clock = services.clock;
    this.#log = services.log;
    this.#metrics = services.metrics;
    this.#signal = signal;
    this.#pool = new TokenizerPool({ ...options.pool, warn: (message) => services.log.warn(message) });
    this.#standard = options.standard && this.#named(options.standard);
    for (const [model, source] of options.byModel) this.#byModel.set(model, this.#named(source));
  }

  /** True once each tokenizer was loaded or has failed at the first attempt: a broken one must not stop the picker. */
  get ready(): boolean {
    for (const { state } of this.#tokenizers.values()) if (state === "loading") return false;
    return true;
  }

  start(): void {
    for (const tokenizer of this.#tokenizers.values()) void this.#keepLoading(tokenizer);
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async tokens(request: RequestView): Promise<Uint32Array> {
    const tokenizer = this.#byModel.get(request.targetModel) ?? this.#standard;
    if (tokenizer === undefined) throw new TokenMiss("no_tokenizer", "no tokenizer is configured for this model");
    if (tokenizer.state !== "loaded") throw new TokenMiss("not_loaded", `${tokenizer.name} is not loaded`);
    const { api, body } = request;
    if (body === undefined || !tokenizableApis.has(api)) {
      throw new TokenMiss("unsupported", `prompts of ${api} are not tokenized here`);
    }
    const deadline = AbortSignal.any([request.signal, AbortSignal.timeout(this.#options.timeoutMs)]);
    try {
      const prompt = { kind: "body", api, body } as const;
      const { tokens, cacheHits, cacheMisses } = await this.#pool.encode(tokenizer.name, prompt, deadline);
      this.#metrics.segments(cacheHits, cacheMisses);
      return tokens;
    } catch (cause) {
      if (!(cause instanceof TokenizationFailure)) throw new TokenMiss("timeout", "the deadline has passed", { cause });
      throw new TokenMiss(REASONS[cause.reason], cause.message, { cause });
    }
  }

  #named(source: TokenizerSource): NamedTokenizer {
    const name = "path" in source ? source.path : source.model;
    const known = this.#tokenizers.get(name);
    if (known !== undefined) return known;
    const named: NamedTokenizer = { name, source, state: "loading" };
    this.#tokenizers.set(name, named);
    return named;
  }

  /** Tries until it works, less and less often. */
  async #keepLoading(tokenizer: NamedTokenizer): Promise<void> {
    const { name, source } = tokenizer;
    for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS)) {
      try {
        const engine = await this.#pool.load(name, source);
        tokenizer.state = "loaded";
        this.#log.info("tokenizer loaded", { tokenizer: name, engine });
        return;
      } catch (error) {
        if (this.#signal.aborted || (error instanceof TokenizationFailure && error.reason === "stopped")) return;
        tokenizer.state = "failed";
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn("tokenizer not loaded: prompts go without exact tokens", { tokenizer: name, reason, retryMs });
      }
      try {
        await this.#clock.sleep(retryMs, this.#signal);
      } catch {
        return;
      }
    }
  }
}
