import type { Connector, DecodeAnswer } from "@pointsman/plugin-api";
import { isSse, peekBody } from "../decode/peek-body.ts";
import { documentsIn } from "../decode/sse-lines.ts";
import { IDENTITY } from "./nixlv2.ts";

/** How many events of a stream are looked at. */
const EVENTS = 2;
/** A JSON answer that is longer than this was generated, not refused. */
const LOOKED_AT = 1_048_576;

/**
 * Servers that share storage. A request with `cache_hit_threshold` goes to the decode server first, which ends with
 * `cache_threshold` when it has too little of the prompt; only then the prefill runs (vLLM RFC 24256).
 */
export const sharedStorageConnector: Connector = {
  protocol: "shared-storage",
  async run(exchange) {
    if (exchange.body.raw("cache_hit_threshold") !== undefined) {
      const asked = await exchange.decode({ body: exchange.body, headers: IDENTITY });
      if (asked.status < 200 || asked.status > 299) return asked;
      const { missed, answer } = await hasMissed(asked);
      if (!missed) return answer;
    }
    // `stream` stays as it is: the answer is thrown away.
    const body = exchange.body.with({ max_tokens: 1, max_completion_tokens: 1, cache_hit_threshold: 0 });
    await exchange.prefill({ body }, { anyAnswer: true });
    return exchange.decode({ body: exchange.body.with({ cache_hit_threshold: 0 }) });
  },
};

/** Looks at the beginning of an answer; the one that is returned still has all of it. */
async function hasMissed(answer: DecodeAnswer): Promise<{ missed: boolean; answer: DecodeAnswer }> {
  const stream = isSse(answer);
  const enough = (seen: Buffer): boolean => (stream ? documentsIn(seen).complete >= EVENTS : seen.length > LOOKED_AT);
  const { seen, rest, giveUp } = await peekBody(answer.body, enough);
  const texts = stream ? documentsIn(seen).documents.slice(0, EVENTS) : [seen.toString()];
  const missed = texts.some((text) => finishReason(text) === "cache_threshold");
  if (missed) await giveUp();
  return { missed, answer: { ...answer, body: rest } };
}

function finishReason(text: string): unknown {
  try {
    return (JSON.parse(text) as { choices?: { finish_reason?: unknown }[] }).choices?.[0]?.finish_reason;
  } catch {
    return undefined;
  }
}
