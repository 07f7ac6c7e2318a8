import { parseAnthropicPrompt } from "../formats/anthropic-messages.ts";
import { ApiError } from "../formats/api-error.ts";
import { parseMessages, renderChatPrompt } from "../formats/chat-prompt.ts";
import { parsePrompts } from "../formats/completions.ts";
import {
  type JsonObject,
  optionalString,
  parseJsonObject,
  requireField,
  requireList,
  requireString,
} from "../formats/json-fields.ts";
import { parseTokenIds, tokenize } from "../formats/tokens.ts";
import type { ModelSimOptions } from "../option-table.ts";
import type { PromptTokens } from "./prompt-tokens.ts";

/** A route that answers about tokens, asked by POST. */
export interface TokenRoute {
  readonly style: "openai" | "anthropic";
  answer(body: Buffer): unknown;
}

const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";

/**
 * vLLM's routes about tokens. They count as the inference routes do: by the real tokenizer where one is loaded, else by
 * the fixed tokenization.
 */
export function tokenRoutes(options: ModelSimOptions, real: PromptTokens): ReadonlyMap<string, TokenRoute> {
  const maxModelLen = options.maxModelLen === 0 ? options.numBlocks * options.blockSize : options.maxModelLen;

  const chatTokens = (bytes: Buffer, body: JsonObject): Uint32Array =>
    real.ofBody(CHAT, bytes) ??
    renderChatPrompt(parseMessages(requireList(body, "messages"), "messages"), body["tools"]);

  const withModel = (bytes: Buffer): JsonObject => {
    const body = parseJsonObject(bytes);
    requireModel(optionalString(body, "model") ?? options.models[0]!, options);
    return body;
  };

  const openai = (answer: (bytes: Buffer, body: JsonObject) => unknown): TokenRoute => ({
    style: "openai",
    answer: (bytes) => answer(bytes, withModel(bytes)),
  });

  return new Map<string, TokenRoute>([
    [
      "/tokenize",
      openai((bytes, body) => {
        const tokens =
          body["messages"] === undefined
            ? (real.ofBody(COMPLETIONS, bytes) ?? tokenize(requireString(body, "prompt")))
            : chatTokens(bytes, body);
        return { count: tokens.length, max_model_len: maxModelLen, tokens: [...tokens], token_strs: null };
      }),
    ],
    [
      "/detokenize",
      openai((_bytes, body) => {
        if (options.tokenizer !== "") throw new ApiError(501, "This server cannot detokenize with a real tokenizer.");
        const tokens = parseTokenIds(requireList(body, "tokens"), "tokens");
        return {
          prompt: Buffer.from(tokens.buffer)
            .toString("utf8")
            .replace(/\0{1,3}$/, ""),
        };
      }),
    ],
    [`${CHAT}/render`, openai((bytes, body) => rendered(chatTokens(bytes, body)))],
    [
      `${COMPLETIONS}/render`,
      openai((bytes, body) => {
        // One answer for each prompt; the real tokenizer takes them one by one.
        const prompt = requireField(body, "prompt");
        const prompts = Array.isArray(prompt) && typeof prompt[0] !== "number" ? (prompt as unknown[]) : [prompt];
        return prompts.map((one) => {
          const single = prompts.length === 1 ? bytes : Buffer.from(JSON.stringify({ ...body, prompt: one }));
          return rendered(real.ofBody(COMPLETIONS, single) ?? parsePrompts(one, "prompt")[0]!);
        });
      }),
    ],
    [
      "/v1/messages/count_tokens",
      {
        style: "anthropic",
        answer: (bytes) => {
          const { model, prompt } = parseAnthropicPrompt(parseJsonObject(bytes));
          requireModel(model, options);
          return { input_tokens: (real.ofBody("/v1/messages", bytes) ?? prompt).length };
        },
      },
    ],
  ]);
}

function rendered(tokens: Uint32Array): object {
  return { token_ids: [...tokens], features: null };
}

function requireModel(model: string, options: ModelSimOptions): void {
  if (options.models.includes(model) || options.loras.includes(model)) return;
  throw new ApiError(404, `The model \`${model}\` does not exist.`, "model");
}
