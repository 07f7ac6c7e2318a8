import type { Prompt, RequestKey, RequestView } from "@pointsman/plugin-api";

export interface TestRequestOptions {
  readonly id?: string;
  readonly now?: number;
  readonly method?: string;
  readonly path?: string;
  /** Names in any case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly api?: string;
  readonly model?: string;
  readonly targetModel?: string;
  readonly stream?: boolean;
  readonly maxOutputTokens?: number;
  readonly cacheSalt?: string;
  readonly prompt?: string | readonly number[];
  readonly body?: string | Uint8Array;
  readonly priority?: number;
  readonly tenant?: string;
  readonly deadline?: number;
  /** Values of `random()` in turn, the last one repeats; or the source itself. Default: a fixed pseudo-random sequence. */
  readonly random?: readonly number[] | (() => number);
}

/** A request with the given properties and plain defaults: `POST /v1/completions`, model `m`, prompt `hello`. */
export function createTestRequest(options: TestRequestOptions = {}): RequestView {
  const headers = new Map(Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const locals = new Map<string, unknown>();
  const model = options.model ?? "m";
  const body = typeof options.body === "string" ? Buffer.from(options.body) : options.body;
  const now = options.now ?? 1_000_000;
  const { random = pseudoRandom() } = options;
  const next = typeof random === "function" ? random : sequence(random);
  let abort: AbortController | undefined;
  let parsed: { readonly value: unknown } | undefined;
  return {
    id: options.id ?? "test-request",
    now,
    deadline: options.deadline ?? now + 1_000,
    get signal() {
      abort ??= new AbortController();
      return abort.signal;
    },
    method: options.method ?? "POST",
    path: options.path ?? "/v1/completions",
    header: (name) => headers.get(name.toLowerCase()),
    api: options.api ?? "openai-completions",
    model,
    targetModel: options.targetModel ?? model,
    stream: options.stream ?? false,
    maxOutputTokens: options.maxOutputTokens,
    cacheSalt: options.cacheSalt,
    prompt: createPrompt(options.prompt ?? "hello"),
    body,
    json: () => (parsed ??= { value: parseJson(body) }).value,
    priority: options.priority ?? 0,
    tenant: options.tenant ?? "default-flow",
    locals: {
      get: <Value>(key: RequestKey<Value>) => locals.get(key.key) as Value | undefined,
      set: (key, value) => {
        locals.set(key.key, value);
      },
    },
    random: next,
  };
}

function parseJson(body: Uint8Array | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function createPrompt(source: string | readonly number[]): Prompt {
  if (typeof source !== "string") return { parts: [], byteLength: 0, tokenIds: [...source], text: () => "" };
  const bytes = Buffer.from(source);
  return { parts: [bytes], byteLength: bytes.length, tokenIds: undefined, text: () => source };
}

function sequence(values: readonly number[]): () => number {
  let index = 0;
  return () => {
    const value = values[Math.min(index, values.length - 1)] ?? 0;
    index += 1;
    return value;
  };
}

/** Mulberry32: small, seedable, good enough for tests. */
export function pseudoRandom(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
