import type { Choice, Metrics, RequestView } from "@pointsman/plugin-api";

/** Counts which stages requests got, under llm-d's names. Call once for each routed request. */
export function createDecisionCounter(
  metrics: Metrics,
  names: readonly string[],
  stages: { readonly prefill: string; readonly encode: string },
): (request: RequestView, choice: Choice) => void {
  const counters = names.map((name) =>
    metrics.counter({
      name,
      help: "Requests by the stages they were given: decode-only, prefill-decode, encode-decode, encode-prefill-decode.",
      labels: ["model_name", "decision_type"],
    }),
  );
  return (request, choice) => {
    const prefill = choice.result(stages.prefill) !== undefined;
    const encode = choice.result(stages.encode) !== undefined;
    const labels = { model_name: request.targetModel || "unknown", decision_type: decisionType(prefill, encode) };
    for (const counter of counters) counter.inc(labels);
  };
}

function decisionType(prefill: boolean, encode: boolean): string {
  if (encode) return prefill ? "encode-prefill-decode" : "encode-decode";
  return prefill ? "prefill-decode" : "decode-only";
}
