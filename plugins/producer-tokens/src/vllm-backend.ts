import { isJsonFault, setTopLevelField } from "@pointsman/inference-api";
import type { Clock, Logger, RequestView } from "@pointsman/plugin-api";
import { anthropicToChat, createRenderClient, type RenderClient, responsesToChat } from "@pointsman/tokenization";
import { type TokenBackend, TokenMiss } from "./token-backend.ts";

/** As llm-d: two minutes for a renderer that starts beside the picker. */
const WARM_UP_ATTEMPTS = 24;
const WARM_UP_PAUSE_MS = 5_000;

/** Types of content parts, in quotes, that are fetched and decoded before they are rendered. */
const MEDIA = ['"image_url"', '"image"', '"input_image"', '"video_url"', '"audio_url"', '"input_audio"'];

export interface VllmOptions {
  readonly url: string;
  readonly modelName: string;
  readonly timeoutMs: number;
  readonly mediaTimeoutMs: number;
}

/** A vLLM server that renders and tokenizes over HTTP; the only backend that knows the tokens of images. */
export class VllmBackend implements TokenBackend {
  readonly name = "vllm";
  readonly timeoutMs: number;
  readonly #options: VllmOptions;
  readonly #client: RenderClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #ready = false;

  constructor(options: VllmOptions, services: { readonly clock: Clock; readonly log: Logger }, signal: AbortSignal) {
    this.#options = options;
    this.timeoutMs = Math.max(options.timeoutMs, options.mediaTimeoutMs);
    this.#client = createRenderClient({ url: options.url });
    this.#clock = services.clock;
    this.#log = services.log;
    this.#signal = signal;
  }

  /** True once it has answered, or after the last attempt: routing goes on without tokens then. */
  get ready(): boolean {
    return this.#ready;
  }

  start(): void {
    void this.#warmUp();
  }

  async stop(): Promise<void> {
    this.#client.close();
  }

  async tokens(request: RequestView): Promise<Uint32Array> {
    const { endpoint, body } = this.#call(request);
    const { mediaTimeoutMs, timeoutMs } = this.#options;
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
    const hasMedia = endpoint === "/v1/chat/completions/render" && MEDIA.some((type) => bytes.includes(type));
    const limit = AbortSignal.timeout(hasMedia ? mediaTimeoutMs : timeoutMs);
    const deadline = AbortSignal.any([request.signal, limit]);
    try {
      return await this.#client.render(endpoint, body, deadline);
    } catch (cause) {
      if (deadline.aborted) throw new TokenMiss("timeout", "the renderer has not answered in time", { cause });
      throw new TokenMiss("failed", cause instanceof Error ? cause.message : "the renderer failed", { cause });
    }
  }

  #call(request: RequestView): {
    endpoint: "/v1/chat/completions/render" | "/v1/completions/render";
    body: Uint8Array;
  } {
    const { api, body } = request;
    const model = this.#options.modelName;
    if (body !== undefined && (api === "openai-chat" || api === "openai-completions")) {
      const stamped = setTopLevelField(body, "model", model);
      if (isJsonFault(stamped)) throw new TokenMiss("unsupported", "the body is no JSON object");
      return {
        endpoint: api === "openai-chat" ? "/v1/chat/completions/render" : "/v1/completions/render",
        body: stamped,
      };
    }
    const convert = CONVERSIONS[api];
    const json = convert === undefined ? undefined : request.json();
    if (convert === undefined || typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new TokenMiss("unsupported", `prompts of ${api} are not rendered`);
    }
    const chat = { ...convert(json as Readonly<Record<string, unknown>>), model };
    return { endpoint: "/v1/chat/completions/render", body: Buffer.from(JSON.stringify(chat)) };
  }

  async #warmUp(): Promise<void> {
    const { modelName: model, timeoutMs, url } = this.#options;
    for (let attempt = 1; attempt <= WARM_UP_ATTEMPTS; attempt += 1) {
      try {
        const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(timeoutMs)]);
        await this.#client.render("/v1/completions/render", JSON.stringify({ model, prompt: "warm up" }), limit);
        this.#ready = true;
        return;
      } catch (error) {
        if (this.#signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.warn("the renderer does not answer yet", { url, reason, attempt });
      }
      try {
        await this.#clock.sleep(WARM_UP_PAUSE_MS, this.#signal);
      } catch {
        return;
      }
    }
    this.#log.error("the renderer does not answer: prompts go without exact tokens", { url });
    this.#ready = true;
  }
}

type Body = Readonly<Record<string, unknown>>;

const CONVERSIONS: Readonly<Record<string, ((body: Body) => Body) | undefined>> = {
  "anthropic-messages": anthropicToChat,
  "anthropic-count-tokens": anthropicToChat,
  "openai-responses": responsesToChat,
};
