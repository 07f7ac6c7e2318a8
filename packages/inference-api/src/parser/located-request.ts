import type { ParsedRequest, Prompt } from "@pointsman/plugin-api";
import type { Span } from "../json/fields.ts";
import type { Api, ParsedBody } from "../requests/parsed-body.ts";
import { promptBytesOf, promptText } from "../requests/prompt-text.ts";

/** Requests that model servers answer without being told a model; a form may also name it where nobody looks. */
const modelOptional: ReadonlySet<Api> = new Set(["openai-images", "openai-conversations", "openai-transcriptions"]);

/**
 * A request whose members were located in its body. It remembers the places, so that nobody scans the body twice, and
 * keeps the body out of sight of whoever prints or copies the request.
 */
export class LocatedRequest implements ParsedRequest {
  readonly api: Api;
  readonly model: string | undefined;
  readonly stream: boolean;
  readonly maxOutputTokens: number | undefined;
  readonly cacheSalt: string | undefined;
  readonly prompt: Prompt;
  readonly skipResponse: boolean;
  readonly modelOptional: boolean;
  readonly #body: Uint8Array;
  readonly #modelSpan: Span | undefined;

  constructor(body: Uint8Array, located: ParsedBody, skipResponse: boolean) {
    this.api = located.api;
    this.model = located.model;
    this.stream = located.stream;
    this.maxOutputTokens = located.maxOutputTokens;
    this.cacheSalt = located.cacheSalt;
    this.prompt = new LocatedPrompt(body, located);
    this.skipResponse = skipResponse;
    this.modelOptional = modelOptional.has(located.api);
    this.#body = body;
    this.#modelSpan = located.modelSpan;
  }

  /** Where the model's name is in this body; undefined when it has none, or is not the body that was parsed. */
  modelSpanIn(body: Uint8Array): Span | undefined {
    return body === this.#body ? this.#modelSpan : undefined;
  }
}

/** Everything but the length is made when first asked for, and kept. */
class LocatedPrompt implements Prompt {
  readonly byteLength: number;
  readonly #body: Uint8Array;
  readonly #located: ParsedBody;
  #parts: readonly Uint8Array[] | undefined;
  #tokenIds: readonly number[] | undefined;
  #text: string | undefined;

  constructor(body: Uint8Array, located: ParsedBody) {
    this.byteLength = located.promptBytes;
    this.#body = body;
    this.#located = located;
  }

  get parts(): readonly Uint8Array[] {
    this.#parts ??= promptBytesOf(this.#body, this.#located);
    return this.#parts;
  }

  /** Of several prompts the ids of all, one prompt behind the other. */
  get tokenIds(): readonly number[] | undefined {
    const { promptTokens } = this.#located;
    if (promptTokens === undefined) return undefined;
    this.#tokenIds ??= promptTokens.flatMap((ids) => Array.from(ids));
    return this.#tokenIds;
  }

  text(): string {
    this.#text ??= promptText(this.#body, this.#located);
    return this.#text;
  }
}
