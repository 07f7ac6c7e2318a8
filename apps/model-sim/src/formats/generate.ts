import { tokenOfPiece } from "./generated-text.ts";
import { type CallContext, dataEvent, doneEvent, type InferenceCall } from "./inference-call.ts";
import {
  type JsonObject,
  optionalBoolean,
  optionalInteger,
  optionalObject,
  optionalString,
  requireList,
} from "./json-fields.ts";
import { openAiUsage } from "./openai-common.ts";
import { parseTokenIds } from "./tokens.ts";

/** `POST /inference/v1/generate`: token ids in, token ids out. */
export function parseGenerate(body: JsonObject, context: CallContext): InferenceCall {
  const prompt = parseTokenIds(requireList(body, "token_ids"), "token_ids");
  const sampling = optionalObject(body, "sampling_params") ?? {};
  const limit = optionalInteger(sampling, "max_tokens", 1, Number.MAX_SAFE_INTEGER);
  const { length, finish } = context.planOutput(prompt.length, { limit, body: sampling });
  const head = { request_id: optionalString(body, "request_id") ?? `generate-tokens-${context.id}` };
  return {
    model: optionalString(body, "model") ?? context.defaultModel,
    salt: optionalString(body, "cache_salt") ?? "",
    prompt,
    outputTokens: length,
    choices: optionalInteger(sampling, "n", 1, 128) ?? 1,
    finish,
    stream: optionalBoolean(body, "stream"),
    answer: {
      body: (outputs, usage) => ({
        ...head,
        choices: outputs.map((output) => ({
          index: output.choice,
          logprobs: null,
          finish_reason: output.finish,
          token_ids: [...output.tokens()],
        })),
        prompt_logprobs: null,
        kv_transfer_params: null,
        usage: openAiUsage(usage),
      }),
      open: () => "",
      token: (output, index) => {
        const finishReason = index === output.length - 1 ? output.finish : null;
        const tokenIds = [tokenOfPiece(output.piece(index))];
        const choice = { index: output.choice, logprobs: null, finish_reason: finishReason, token_ids: tokenIds };
        return dataEvent({ ...head, choices: [choice] });
      },
      close: (_outputs, usage) => dataEvent({ ...head, choices: [], usage: openAiUsage(usage) }) + doneEvent,
    },
  };
}
