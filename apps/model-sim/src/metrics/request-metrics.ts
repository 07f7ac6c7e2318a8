import type { EngineRequest } from "../engine/engine.ts";
import type { FinishReason } from "../formats/generated-text.ts";
import { createHistogram, formatNumber, type Histogram } from "./histogram.ts";

/** What has to be known of a request besides its times. */
export interface RequestSizes {
  readonly promptTokens: number;
  readonly choices: number;
  readonly outputTokens: number;
}

/** The counters and histograms that requests move. */
export interface RequestMetrics {
  /**
   * `count` further tokens of each choice exist now, `sinceMs` after the ones before; undefined says that they are the
   * first, with which the prompt and the time to the first token are counted.
   */
  countTokens(request: EngineRequest, sizes: RequestSizes, count: number, sinceMs: number | undefined): void;
  countFinished(request: EngineRequest, sizes: RequestSizes, finish: FinishReason): void;
  countAborted(request: EngineRequest, sizes: RequestSizes): void;
  /** The sample lines with their HELP and TYPE; `labels` is what stands between the braces. */
  render(labels: string): string;
}

const ttftBounds = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];
const interTokenBounds = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const durationBounds = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];
const tokenBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

const finishReasons = ["stop", "length", "abort", "error"] as const;

export function createRequestMetrics(): RequestMetrics {
  let queries = 0;
  let hits = 0;
  let promptTokens = 0;
  let generationTokens = 0;
  const success = new Map<string, number>(finishReasons.map((reason) => [reason, 0]));
  const histograms = {
    time_to_first_token_seconds: histogram("Histogram of time to first token in seconds.", ttftBounds),
    inter_token_latency_seconds: histogram("Histogram of inter-token latency in seconds.", interTokenBounds),
    request_time_per_output_token_seconds: histogram(
      "Histogram of time per output token per request.",
      interTokenBounds,
    ),
    e2e_request_latency_seconds: histogram("Histogram of e2e request latency in seconds.", durationBounds),
    request_queue_time_seconds: histogram("Histogram of time spent in WAITING phase.", durationBounds),
    request_inference_time_seconds: histogram("Histogram of time spent in RUNNING phase.", durationBounds),
    request_prefill_time_seconds: histogram("Histogram of time spent in PREFILL phase.", durationBounds),
    request_decode_time_seconds: histogram("Histogram of time spent in DECODE phase.", durationBounds),
    request_prompt_tokens: histogram("Number of prefill tokens processed.", tokenBounds),
    request_generation_tokens: histogram("Number of generation tokens processed.", tokenBounds),
    request_params_n: histogram("Histogram of the n request parameter.", [1, 2, 5, 10, 20]),
  };

  function countPrompt(request: EngineRequest, sizes: RequestSizes): void {
    queries += sizes.promptTokens;
    hits += request.cachedTokens;
    if (request.firstTokenAt !== undefined) promptTokens += sizes.promptTokens;
  }

  function addSuccess(reason: (typeof finishReasons)[number]): void {
    success.set(reason, success.get(reason)! + 1);
  }

  return {
    countTokens(request, sizes, count, sinceMs) {
      generationTokens += count * sizes.choices;
      if (sinceMs === undefined) {
        countPrompt(request, sizes);
        const ttftMs = request.firstTokenAt! - request.arrivedAt;
        histograms.time_to_first_token_seconds.histogram.observe(ttftMs / 1000);
        return;
      }
      histograms.inter_token_latency_seconds.histogram.observe(sinceMs / count / 1000, count);
    },

    countFinished(request, sizes, finish) {
      if (sizes.outputTokens === 0) countPrompt(request, sizes);
      addSuccess(finish);
      const { arrivedAt } = request;
      const startedAt = request.startedAt!;
      const firstTokenAt = request.firstTokenAt!;
      const finishedAt = request.finishedAt!;
      const decodeMs = finishedAt - firstTokenAt;
      const seconds = (name: keyof typeof histograms, ms: number): void =>
        histograms[name].histogram.observe(ms / 1000);
      seconds("e2e_request_latency_seconds", finishedAt - arrivedAt);
      seconds("request_queue_time_seconds", startedAt - arrivedAt);
      seconds("request_inference_time_seconds", finishedAt - startedAt);
      seconds("request_prefill_time_seconds", firstTokenAt - startedAt);
      seconds("request_decode_time_seconds", decodeMs);
      if (sizes.outputTokens > 1) {
        seconds("request_time_per_output_token_seconds", decodeMs / (sizes.outputTokens - 1));
      }
      histograms.request_prompt_tokens.histogram.observe(sizes.promptTokens);
      histograms.request_generation_tokens.histogram.observe(sizes.outputTokens * sizes.choices);
      histograms.request_params_n.histogram.observe(sizes.choices);
    },

    countAborted(request, sizes) {
      if (request.startedAt !== undefined && request.firstTokenAt === undefined) countPrompt(request, sizes);
      addSuccess("abort");
    },

    render(labels) {
      const counter = (name: string, help: string, value: number): string =>
        `# HELP vllm:${name} ${help}\n# TYPE vllm:${name} counter\nvllm:${name}{${labels}} ${formatNumber(value)}\n`;
      let text =
        counter("prefix_cache_queries_total", "Prefix cache queries, in terms of number of queried tokens.", queries) +
        counter("prefix_cache_hits_total", "Prefix cache hits, in terms of number of cached tokens.", hits) +
        counter("num_preemptions_total", "Cumulative number of preemption from the engine.", 0) +
        counter("prompt_tokens_total", "Number of prefill tokens processed.", promptTokens) +
        counter("generation_tokens_total", "Number of generation tokens processed.", generationTokens) +
        "# HELP vllm:request_success_total Count of successfully processed requests.\n" +
        "# TYPE vllm:request_success_total counter\n";
      for (const [reason, count] of success) {
        text += `vllm:request_success_total{${labels},finished_reason="${reason}"} ${formatNumber(count)}\n`;
      }
      for (const [name, entry] of Object.entries(histograms)) {
        text += `# HELP vllm:${name} ${entry.help}\n# TYPE vllm:${name} histogram\n`;
        text += entry.histogram.render(`vllm:${name}`, labels);
      }
      return text;
    },
  };
}

function histogram(help: string, bounds: readonly number[]): { help: string; histogram: Histogram } {
  return { help, histogram: createHistogram(bounds) };
}
