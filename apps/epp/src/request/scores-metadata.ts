import type { JsonObject } from "@pointsman/ext-proc";
import type { Decision } from "@pointsman/scheduling";

/** Total score of every scored candidate of the primary profile, by address, under llm-d's metadata key. */
export function scoresMetadata(decision: Decision, addresses: readonly string[]): Record<string, JsonObject> {
  const trace = decision.profiles.find(({ profile }) => profile === decision.primary);
  const scores: Record<string, number> = {};
  if (trace?.totals !== undefined) {
    const { block, offset } = trace.totals;
    for (let i = 0; i < trace.survivorCount; i += 1) {
      scores[addresses[trace.survivors?.[i] ?? i]!] = block[offset + i]!;
    }
  }
  return { "envoy.lb": { "x-gateway-destination-endpoint-scores": scores } };
}
