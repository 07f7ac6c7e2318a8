import type { HeaderList } from "@pointsman/ext-proc";
import type { ParsedRequest, Prompt, RequestKey, RequestLocals } from "@pointsman/plugin-api";
import { currentInstance, type ListedRequest } from "@pointsman/plugin-host";
import { seededRandom } from "@pointsman/scheduling";

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

/**
 * The request as plugins see it. They cannot change what it says: a plugin that assigns to it gets a TypeError. The
 * pipeline may still set priority, tenant and target, with {@link prioritise}, {@link assignTenant}, {@link retarget}.
 */
export class PipelineRequest implements ListedRequest {
  readonly locals: RequestLocals = Object.freeze(new Locals());
  readonly #input: PipelineRequestInput;
  readonly #prompt: Prompt;
  #priority = 0;
  #tenant: string;
  #targetModel: string;
  #random: Map<string, () => number> | undefined;
  #abort: AbortController | undefined;
  #abortReason: Error | undefined;
  #json: { readonly value: unknown } | undefined;

  constructor(input: PipelineRequestInput) {
    this.#input = input;
    this.#prompt = input.parsed?.prompt ?? emptyPrompt;
    this.#tenant = input.tenant;
    this.#targetModel = input.targetModel;
    Object.freeze(this);
  }

  static prioritise(request: PipelineRequest, priority: number): void {
    request.#priority = priority;
  }

  static assignTenant(request: PipelineRequest, tenant: string): void {
    request.#tenant = tenant;
  }

  static retarget(request: PipelineRequest, model: string): void {
    request.#targetModel = model;
  }

  get id(): string {
    return this.#input.id;
  }
  get now(): number {
    return this.#input.now;
  }
  get deadline(): number {
    return this.#input.deadline;
  }
  get method(): string {
    return this.#input.method;
  }
  get path(): string {
    return this.#input.path;
  }
  get api(): string {
    return this.#input.parsed?.api ?? "none";
  }
  get model(): string {
    return this.#input.parsed?.model ?? "";
  }
  get targetModel(): string {
    return this.#targetModel;
  }
  get stream(): boolean {
    return this.#input.parsed?.stream ?? false;
  }
  get maxOutputTokens(): number | undefined {
    return this.#input.parsed?.maxOutputTokens;
  }
  get cacheSalt(): string | undefined {
    return this.#input.parsed?.cacheSalt;
  }
  get prompt(): Prompt {
    return this.#prompt;
  }
  get body(): Uint8Array | undefined {
    return this.#input.body;
  }
  get priority(): number {
    return this.#priority;
  }
  get tenant(): string {
    return this.#tenant;
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
    return this.#input.hiddenHeaders.has(lower) ? undefined : this.#input.headers.get(lower);
  }

  headerList(): string[] {
    const list: string[] = [];
    for (const [name, value] of this.#input.headers) if (!this.#input.hiddenHeaders.has(name)) list.push(name, value);
    return list;
  }

  json(): unknown {
    this.#json ??= { value: parseJson(this.#input.body) };
    return this.#json.value;
  }

  random(): number {
    const instance = currentInstance();
    this.#random ??= new Map();
    let next = this.#random.get(instance);
    if (next === undefined) {
      next = seededRandom(this.#input.seed, this.#input.id, instance);
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

function parseJson(body: Uint8Array | undefined): unknown {
  if (body === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}
