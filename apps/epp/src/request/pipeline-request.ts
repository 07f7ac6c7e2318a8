import type { HeaderList } from "@pointsman/ext-proc";
import type { ParsedRequest, Prompt, RequestKey, RequestLocals, RequestView } from "@pointsman/plugin-api";
import { currentInstance } from "@pointsman/plugin-host";
import { seededRandom } from "./seeded-random.ts";

const emptyPrompt: Prompt = Object.freeze({ parts: [], byteLength: 0, tokenIds: undefined, text: () => "" });

export interface PipelineRequestInput {
  readonly id: string;
  readonly now: number;
  readonly deadline: number;
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  /** Names that read as absent. */
  readonly hiddenHeaders: ReadonlySet<string>;
  readonly parsed: ParsedRequest | undefined;
  readonly targetModel: string;
  readonly body: Uint8Array | undefined;
  readonly tenant: string;
  /** Seed of the run. */
  readonly seed: string;
}

/** The request as plugins see it. The pipeline may still set priority and tenant. */
export class PipelineRequest implements RequestView {
  readonly id: string;
  readonly now: number;
  readonly deadline: number;
  readonly method: string;
  readonly path: string;
  readonly api: string;
  readonly model: string;
  readonly targetModel: string;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly cacheSalt: string | undefined;
  readonly prompt: Prompt;
  readonly body: Uint8Array | undefined;
  readonly locals: RequestLocals = new Locals();
  priority = 0;
  tenant: string;
  readonly #headers: HeaderList;
  readonly #hidden: ReadonlySet<string>;
  readonly #seed: string;
  #random: Map<string, () => number> | undefined;
  #abort: AbortController | undefined;
  #abortReason: Error | undefined;
  #json: { readonly value: unknown } | undefined;

  constructor(input: PipelineRequestInput) {
    this.id = input.id;
    this.now = input.now;
    this.deadline = input.deadline;
    this.method = input.method;
    this.path = input.path;
    this.api = input.parsed?.api ?? "none";
    this.model = input.parsed?.model ?? "";
    this.targetModel = input.targetModel;
    this.stream = input.parsed?.stream ?? false;
    this.maxOutputTokens = input.parsed?.maxOutputTokens;
    this.cacheSalt = input.parsed?.cacheSalt;
    this.prompt = input.parsed?.prompt ?? emptyPrompt;
    this.body = input.body;
    this.tenant = input.tenant;
    this.#headers = input.headers;
    this.#hidden = input.hiddenHeaders;
    this.#seed = input.seed;
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#abortReason !== undefined) this.#abort.abort(this.#abortReason);
    }
    return this.#abort.signal;
  }

  header(name: string): string | undefined {
    const lower = name.toLowerCase();
    return this.#hidden.has(lower) ? undefined : this.#headers.get(lower);
  }

  json(): unknown {
    this.#json ??= { value: parseJson(this.body) };
    return this.#json.value;
  }

  random(): number {
    const instance = currentInstance();
    this.#random ??= new Map();
    let next = this.#random.get(instance);
    if (next === undefined) {
      next = seededRandom(this.#seed, this.id, instance);
      this.#random.set(instance, next);
    }
    return next();
  }

  /** Aborts the signal, if anybody has asked or will ask for it. */
  abort(reason: Error): void {
    this.#abortReason ??= reason;
    this.#abort?.abort(reason);
  }
}

class Locals implements RequestLocals {
  #values: Map<string, unknown> | undefined;

  get<Value>(key: RequestKey<Value>): Value | undefined {
    return this.#values?.get(key.key) as Value | undefined;
  }

  set<Value>(key: RequestKey<Value>, value: Value): void {
    this.#values ??= new Map();
    this.#values.set(key.key, value);
  }
}

function parseJson(body: Uint8Array | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}
