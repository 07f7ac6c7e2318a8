import type { ProducerOutput, RequestView } from "@pointsman/plugin-api";
import { TokenizedPrompt } from "@pointsman/plugin-api/keys";
import { estimateTokens, estimateTokensInTurns } from "@pointsman/tokenization";

/** Longer prompts are packed in turns with other work: this much takes about half a millisecond. */
const AT_ONCE_BYTES = 1024 * 1024;

/** llm-d's estimate of 4 bytes a token over the prompt's bytes as they stand on the wire. */
export function estimatePrompt({ prompt, signal }: RequestView, output: ProducerOutput): void | Promise<void> {
  const { byteLength } = prompt;
  if (byteLength > AT_ONCE_BYTES) {
    return estimateTokensInTurns(prompt.parts, signal).then((tokens) => output.setLocal(TokenizedPrompt, tokens));
  }
  if (byteLength > 0) output.setLocal(TokenizedPrompt, estimateTokens(prompt.parts));
}
