import type { Prompt, RequestKey, RequestLocals, RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { currentInstance } from "@pointsman/plugin-host";
import { seededRandom } from "@pointsman/scheduling";
import { expandTokens } from "../trace/expand-tokens.ts";
import type { TraceRequest } from "../trace/trace.ts";

/** Time for a decision, as in the picker. The clock stands still while one is made. */
const DECISION_TIMEOUT_MS = 1_000;

/** A request of a trace as plugins see it: a prompt of token ids. They are made only when somebody asks. */
export class TraceRequestView implements RequestView {
  readonly id: string;
  readonly now: number;
  readonly deadline: number;
  readonly method = "POST";
  readonly path = "/inference/v1/generate";
  readonly api = "vllm-generate";
  readonly model = "replayed";
  targetModel = "replayed";
  readonly stream = true;
  readonly maxOutputTokens: number;
  readonly cacheSalt = undefined;
  readonly body = undefined;
  readonly prompt: Prompt;
  readonly locals: RequestLocals;
  priority = 0;
  tenant = "default-flow";
  readonly #seed: string;
  #random: Map<string, () => number> | undefined;

  constructor(index: number, request: TraceRequest, blockTokens: number, now: number, seed: string) {
    this.id = `request-${index}`;
    this.now = now;
    this.deadline = now + DECISION_TIMEOUT_MS;
    this.maxOutputTokens = request.outputTokens;
    this.#seed = seed;
    let tokens: Uint32Array | undefined;
    const expanded = (): Uint32Array => {
      tokens ??= expandTokens(request, blockTokens);
      return tokens;
    };
    this.locals = new LazyTokens(expanded);
    this.prompt = {
      byteLength: 4 * request.inputTokens,
      tokenIds: undefined,
      get parts() {
        const { buffer, byteOffset, byteLength } = expanded();
        return [new Uint8Array(buffer, byteOffset, byteLength)];
      },
      text: () => expanded().join(" "),
    };
  }

  get signal(): AbortSignal {
    return new AbortController().signal;
  }

  header(): undefined {
    return undefined;
  }

  json(): undefined {
    return undefined;
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
}

/** The values of one request; the token ids are there from the beginning, as those of a client that sends ids. */
class LazyTokens implements RequestLocals {
  readonly #values = new Map<string, unknown>();
  readonly #tokens: () => Uint32Array;

  constructor(tokens: () => Uint32Array) {
    this.#tokens = tokens;
  }

  get<Value>(key: RequestKey<Value>): Value | undefined {
    if (key.key === TokenizedPrompt.key && !this.#values.has(key.key)) return this.#tokens() as Value;
    return this.#values.get(key.key) as Value | undefined;
  }

  set<Value>(key: RequestKey<Value>, value: Value): void {
    this.#values.set(key.key, value);
  }
}
