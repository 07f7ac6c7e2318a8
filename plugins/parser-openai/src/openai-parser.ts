import { createBodyParser, OPENAI_CLAIMS, readOpenAiBody } from "@pointsman/inference-api";
import { definePlugin } from "@pointsman/plugin-api";

/** Chat, completions, embeddings, responses, conversations, images and audio transcriptions. */
export const openaiParser = definePlugin({
  type: "openai-parser",
  description: "Understands request bodies of the OpenAI API",
  state: "none",
  setup: () => ({ parser: createBodyParser({ claims: OPENAI_CLAIMS, read: readOpenAiBody }) }),
});
