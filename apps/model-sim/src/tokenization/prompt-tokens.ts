import { ModelSimOptionError } from "../options.ts";

/** Token ids of a request's prompt by a real tokenizer, instead of the fixed tokenization. */
export interface PromptTokens {
  /**
   * @param path route of the request
   * @returns undefined when this body has no text that the tokenizer can take: then the fixed tokenization counts
   */
  ofBody(path: string, body: Buffer): Uint32Array | undefined;
}

/** Formats by route, in the words of the tokenization package. */
const APIS: Readonly<Record<string, string | undefined>> = {
  "/v1/chat/completions": "openai-chat",
  "/v1/completions": "openai-completions",
  "/v1/embeddings": "openai-embeddings",
  "/v1/responses": "openai-responses",
  "/v1/messages": "anthropic-messages",
};

const fixedTokenization: PromptTokens = { ofBody: () => undefined };

/**
 * Loads the tokenizer that the option `tokenizer` names; the package for it only when there is one.
 *
 * @param path folder with tokenizer.json (and the chat template), or empty for the fixed tokenization
 * @throws {ModelSimOptionError} when it cannot be loaded
 */
export async function loadPromptTokens(path: string): Promise<PromptTokens> {
  if (path === "") return fixedTokenization;
  const { loadPromptTokenizer, parseExactJson, readPromptInput } = await import("@pointsman/tokenization");
  const tokenizer = await loadPromptTokenizer({ path }).catch((error: unknown) => {
    throw new ModelSimOptionError("tokenizer", error instanceof Error ? error.message : String(error));
  });
  return {
    ofBody(route, body) {
      const api = APIS[route];
      if (api === undefined) return undefined;
      try {
        return tokenizer.encode(readPromptInput(api, parseExactJson(body.toString("utf8"))));
      } catch {
        // Media, token ids, no template. What is wrong with a body is told by the route itself.
        return undefined;
      }
    },
  };
}
