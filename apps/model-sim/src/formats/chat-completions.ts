import { parseMessages, renderChatPrompt } from "./chat-prompt.ts";
import { type CallContext, dataEvent, doneEvent, type InferenceCall } from "./inference-call.ts";
import { type JsonObject, optionalInteger, requireList, requireString } from "./json-fields.ts";
import { openAiUsage, parseOpenAiParameters } from "./openai-common.ts";

/** `POST /v1/chat/completions`. */
export function parseChatCompletion(body: JsonObject, context: CallContext): InferenceCall {
  const model = requireString(body, "model");
  const prompt = renderChatPrompt(parseMessages(requireList(body, "messages"), "messages"), body["tools"]);
  const { stream, includeUsage, n, salt } = parseOpenAiParameters(body);
  const olderLimit = optionalInteger(body, "max_tokens", 1, Number.MAX_SAFE_INTEGER);
  const limit = optionalInteger(body, "max_completion_tokens", 1, Number.MAX_SAFE_INTEGER) ?? olderLimit;
  const { length, finish } = context.planOutput(prompt.length, { limit, body });

  const head = {
    id: `chatcmpl-${context.id}`,
    created: context.created,
    model,
    system_fingerprint: context.fingerprint,
  };
  const chunk = (choices: readonly object[], more?: object): string =>
    dataEvent({ ...head, object: "chat.completion.chunk", choices, ...more });

  return {
    model,
    salt,
    prompt,
    outputTokens: length,
    choices: n,
    finish,
    stream,
    answer: {
      body: (outputs, usage) => ({
        ...head,
        object: "chat.completion",
        choices: outputs.map((output) => ({
          index: output.choice,
          message: { role: "assistant", content: output.text(), refusal: null },
          logprobs: null,
          finish_reason: output.finish,
        })),
        usage: openAiUsage(usage),
      }),
      open: (outputs) =>
        outputs
          .map(({ choice }) =>
            chunk([{ index: choice, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }]),
          )
          .join(""),
      token: (output, index) =>
        chunk([
          {
            index: output.choice,
            delta: { content: output.piece(index) },
            logprobs: null,
            finish_reason: index === output.length - 1 ? output.finish : null,
          },
        ]),
      close: (_outputs, usage) => (includeUsage ? chunk([], { usage: openAiUsage(usage) }) : "") + doneEvent,
    },
  };
}
