import { createRandom } from "../engine/random.ts";
import { parsePrompts } from "./completions.ts";
import { type CallContext, type InferenceCall, unstreamed } from "./inference-call.ts";
import {
  type JsonObject,
  optionalInteger,
  optionalString,
  requireField,
  requireString,
  wrongType,
} from "./json-fields.ts";
import { concatTokens, hashTokens } from "./tokens.ts";

/** `POST /v1/embeddings`: unit vectors that are equal for equal texts. The official clients ask for base64. */
export function parseEmbedding(body: JsonObject, context: CallContext): InferenceCall {
  const model = requireString(body, "model");
  const inputs = parsePrompts(requireField(body, "input"), "input");
  const encoding = optionalString(body, "encoding_format") ?? "float";
  if (encoding !== "float" && encoding !== "base64") throw wrongType("encoding_format", '"float" or "base64"');
  const dimensions = optionalInteger(body, "dimensions", 1, 65_536) ?? context.embeddingDimensions;
  return {
    model,
    salt: "",
    prompt: concatTokens(inputs),
    outputTokens: 0,
    choices: 1,
    finish: "stop",
    stream: false,
    answer: {
      ...unstreamed,
      body: (_outputs, { promptTokens, cachedTokens }) => ({
        id: `embd-${context.id}`,
        object: "list",
        created: context.created,
        model,
        data: inputs.map((input, index) => {
          const vector = embed(hashTokens(input, context.seed), dimensions);
          const embedding = encoding === "float" ? [...vector] : Buffer.from(vector.buffer).toString("base64");
          return { index, object: "embedding", embedding };
        }),
        usage: {
          prompt_tokens: promptTokens,
          total_tokens: promptTokens,
          completion_tokens: 0,
          prompt_tokens_details: { cached_tokens: cachedTokens },
        },
      }),
    },
  };
}

function embed(seed: number, dimensions: number): Float32Array<ArrayBuffer> {
  const random = createRandom(seed);
  const vector = new Float32Array(dimensions).map(() => random() - 0.5);
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
  return vector.map((value) => value / length);
}
