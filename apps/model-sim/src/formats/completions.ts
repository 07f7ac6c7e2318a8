import { type CallContext, dataEvent, doneEvent, type InferenceCall } from "./inference-call.ts";
import { type JsonObject, optionalInteger, requireField, requireString, wrongType } from "./json-fields.ts";
import { openAiUsage, parseOpenAiParameters } from "./openai-common.ts";
import { concatTokens, parseTokenIds, tokenize } from "./tokens.ts";

/** `POST /v1/completions`. Several prompts count as one prompt with as many times the choices. */
export function parseCompletion(body: JsonObject, context: CallContext): InferenceCall {
  const model = requireString(body, "model");
  const prompts = parsePrompts(requireField(body, "prompt"), "prompt");
  const prompt = concatTokens(prompts);
  const { stream, includeUsage, n, salt } = parseOpenAiParameters(body);
  const limit = optionalInteger(body, "max_tokens", 1, Number.MAX_SAFE_INTEGER);
  const { length, finish } = context.planOutput(prompt.length, { limit, body });

  const head = { id: `cmpl-${context.id}`, object: "text_completion", created: context.created, model };
  const fingerprint = { system_fingerprint: context.fingerprint };

  return {
    model,
    salt,
    prompt,
    outputTokens: length,
    choices: n * prompts.length,
    finish,
    stream,
    answer: {
      body: (outputs, usage) => ({
        ...head,
        ...fingerprint,
        choices: outputs.map((output) => ({
          index: output.choice,
          text: output.text(),
          logprobs: null,
          finish_reason: output.finish,
        })),
        usage: openAiUsage(usage),
      }),
      open: () => "",
      token: (output, index) => {
        const finishReason = index === output.length - 1 ? output.finish : null;
        const choice = { index: output.choice, text: output.piece(index), logprobs: null, finish_reason: finishReason };
        return dataEvent({ ...head, ...fingerprint, choices: [choice] });
      },
      close: (_outputs, usage) =>
        (includeUsage ? dataEvent({ ...head, ...fingerprint, choices: [], usage: openAiUsage(usage) }) : "") +
        doneEvent,
    },
  };
}

/** A prompt field: a string, token ids, or a list of either; never empty. */
export function parsePrompts(value: unknown, field: string): Uint32Array[] {
  const expected = "a string, a list of strings, a list of token ids, or a list of such lists, and not empty";
  const lists = parsePromptLists(value, field, expected);
  if (lists.length === 0 || lists.some((tokens) => tokens.length === 0)) throw wrongType(field, expected);
  return lists;
}

function parsePromptLists(value: unknown, field: string, expected: string): Uint32Array[] {
  if (typeof value === "string") return [tokenize(value)];
  if (!Array.isArray(value)) throw wrongType(field, expected);
  if (typeof value[0] === "number") return [parseTokenIds(value, field)];
  return value.map((element: unknown, index) => {
    if (typeof element === "string") return tokenize(element);
    if (Array.isArray(element)) return parseTokenIds(element, `${field}[${index}]`);
    throw wrongType(field, expected);
  });
}
