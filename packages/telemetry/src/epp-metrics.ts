import { Registry } from "prom-client";
import { CappedCounter, CappedGauge, CappedHistogram } from "./capped-metrics.ts";

/** Prefix of every series, as in llm-d, so that its dashboards and alerts keep working. */
export const METRIC_PREFIX = "llm_d_epp_";

const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const LONG_SECONDS = [...SECONDS, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];
const PROCESSING_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const FIRST_BYTE_SECONDS = [...SECONDS, 120];
const TOKEN_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const STREAMED_TOKEN_SECONDS = [
  0.0005, 0.00205, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 2,
];
const SCHEDULING_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1];
const STREAM_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600];
const REQUEST_BYTES = Array.from({ length: 25 }, (_, k) => 64 * 2 ** k);
const RESPONSE_BYTES = [1, ...Array.from({ length: 14 }, (_, k) => 8 * 2 ** k)];
const TOKENS = [1, ...Array.from({ length: 18 }, (_, k) => 8 * 2 ** k)];
const OUTPUT_TOKENS = [1, ...Array.from({ length: 11 }, (_, k) => 8 * 2 ** k)];

/** Labels of request series, by position. */
export type RequestLabels = readonly [model: string, targetModel: string, fairnessId: string, priority: string];
const REQUEST = ["model_name", "target_model_name", "fairness_id", "priority"] as const;

export interface EppMetricsOptions {
  /** Exports `extproc_*` series; they do not exist otherwise. */
  readonly streamMetrics: boolean;
}

/** Every series of the picker. A series that is switched off is not exported. */
export class EppMetrics {
  readonly registry = new Registry();

  readonly requestTotal = this.#counter("request_total", "Requests that were scheduled.", REQUEST);
  readonly requestErrors = this.#counter("request_error_total", "Requests that were answered with an error.", [
    ...REQUEST,
    "error_code",
  ]);
  readonly requestDuration = this.#histogram(
    "request_duration_seconds",
    "From the request's headers to the end of its answer.",
    REQUEST,
    LONG_SECONDS,
  );
  readonly requestSize = this.#histogram("request_size_bytes", "Size of request bodies.", REQUEST, REQUEST_BYTES);
  readonly responseSize = this.#histogram(
    "response_size_bytes",
    "Size of answers, where their body or the proxy's access log was seen.",
    REQUEST,
    RESPONSE_BYTES,
  );
  readonly firstByte = this.#histogram(
    "request_ttft_seconds",
    "From the request's arrival at the proxy to the first byte of its answer; from the access log.",
    [...REQUEST, "streaming"],
    FIRST_BYTE_SECONDS,
  );
  readonly perToken = this.#histogram(
    "request_ntpot_seconds",
    "Duration over output tokens; from the access log and the answer's usage.",
    REQUEST,
    TOKEN_SECONDS,
  );
  readonly perStreamedToken = this.#histogram(
    "request_streaming_tpot_seconds",
    "Duration after the first byte over the other output tokens; from the access log and the answer's usage.",
    REQUEST,
    STREAMED_TOKEN_SECONDS,
  );
  readonly answerEnds = this.#counter("request_end_total", "Routed requests by how they ended; from the access log.", [
    ...REQUEST,
    "end",
  ]);
  readonly accessLogEntries = this.#counter("access_log_entries_total", "Entries of the proxy's access log.", [
    "request",
  ]);
  readonly inputTokens = this.#histogram("request_input_tokens", "Prompt tokens the server counted.", REQUEST, TOKENS);
  readonly cachedTokens = this.#histogram(
    "request_cached_tokens",
    "Prompt tokens the server had cached.",
    REQUEST,
    TOKENS,
  );
  readonly outputTokens = this.#histogram(
    "request_output_tokens",
    "Tokens the server generated.",
    REQUEST,
    OUTPUT_TOKENS,
  );
  readonly requestsRunning = this.#gauge("request_running", "Requests that were sent and have not ended.", REQUEST);
  readonly modelRewrites = this.#counter("model_rewrite_decisions_total", "Requests whose model was rewritten.", [
    "model_rewrite_name",
    "model_name",
    "target_model",
  ]);

  readonly schedulerDuration = this.#histogram(
    "scheduler_e2e_duration_seconds",
    "Time of one scheduling run over all profiles.",
    [],
    SCHEDULING_SECONDS,
  );
  readonly schedulerAttempts = this.#counter("scheduler_attempts_total", "Scheduling runs by outcome.", [
    "status",
    "target_model_name",
    "endpoint_name",
    "namespace",
    "port",
  ]);
  readonly requestProcessing = this.#histogram(
    "request_processing_duration_seconds",
    "From the request's last byte to the picker's answer.",
    [],
    PROCESSING_SECONDS,
  );

  readonly pollErrors = this.#counter("datalayer_poll_errors_total", "Failed scrapes.", ["source_type"]);
  readonly extractErrors = this.#counter("datalayer_extract_errors_total", "Scraped pages that were not understood.", [
    "source_type",
    "extractor_type",
  ]);
  readonly polls = this.#counter("datalayer_polls_total", "Completed scrapes.", ["source_type"]);

  readonly overrideIgnored = this.#counter(
    "mode_override_ignored_total",
    "Responses whose body was asked for and not sent: the proxy lacks allow_mode_override.",
    [],
  );
  readonly protocolErrors = this.#counter("extproc_protocol_errors_total", "Streams ended by a malformed message.", []);

  readonly streamsInflight: CappedGauge | undefined;
  readonly streamDuration: CappedHistogram | undefined;
  readonly streams: CappedCounter | undefined;

  constructor(options: EppMetricsOptions) {
    if (!options.streamMetrics) return;
    this.streamsInflight = this.#gauge("extproc_streams_inflight", "Open ext_proc streams.", []);
    this.streamDuration = this.#histogram("extproc_stream_duration_seconds", "Life of streams.", [], STREAM_SECONDS);
    this.streams = this.#counter("extproc_streams_total", "Ended ext_proc streams by how they ended.", ["code"]);
  }

  /** Says which build this is. */
  info(version: string): void {
    this.#gauge("info", "Build of the picker.", ["commit", "build_ref"]).set(1, ["", version]);
  }

  /** The page in Prometheus' text format. */
  page(): Promise<string> {
    return this.registry.metrics();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  #counter(name: string, help: string, labels: readonly string[]): CappedCounter {
    return new CappedCounter(this.registry, { name: METRIC_PREFIX + name, help, labels });
  }

  #gauge(name: string, help: string, labels: readonly string[]): CappedGauge {
    return new CappedGauge(this.registry, { name: METRIC_PREFIX + name, help, labels });
  }

  #histogram(name: string, help: string, labels: readonly string[], buckets: readonly number[]): CappedHistogram {
    return new CappedHistogram(this.registry, { name: METRIC_PREFIX + name, help, labels }, buckets);
  }
}
