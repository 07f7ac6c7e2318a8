import type { Engine } from "../engine/engine.ts";
import type { ModelSimOptions } from "../option-table.ts";
import type { KvTransfer } from "../transfer/kv-transfer.ts";
import { type AdapterSeries, createAdapterSeries } from "./adapter-series.ts";
import { escapeLabel } from "./escape-label.ts";
import { formatNumber } from "./histogram.ts";
import { renderPadding } from "./padding.ts";
import type { RequestMetrics } from "./request-metrics.ts";
import { renderTransferMetrics } from "./transfer-metrics.ts";

export interface MetricsPage {
  /** Call it after every change of what runs and waits. */
  recordAdapters(): void;
  render(): string;
}

/** The page behind `/metrics`, in Prometheus text format under the names of vLLM. */
export function createMetricsPage(
  options: ModelSimOptions,
  engine: Engine,
  requests: RequestMetrics,
  transfer: KvTransfer,
): MetricsPage {
  const labels = `engine="0",model_name="${escapeLabel(options.models[0]!)}"`;
  const adapters: AdapterSeries | undefined =
    options.loras.length > 0 ? createAdapterSeries(options.maxLoras) : undefined;
  let padding: string | undefined;

  const gauge = (name: string, help: string, value: number): string =>
    `# HELP vllm:${name} ${help}\n# TYPE vllm:${name} gauge\nvllm:${name}{${labels}} ${formatNumber(value)}\n`;

  const cacheConfig =
    "# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig\n" +
    "# TYPE vllm:cache_config_info gauge\n" +
    `vllm:cache_config_info{block_size="${options.blockSize}",cache_dtype="auto",enable_prefix_caching="True",` +
    `engine="0",gpu_memory_utilization="0.9",num_cpu_blocks="None",num_gpu_blocks="${options.numBlocks}",` +
    'prefix_caching_hash_algo="sha256",sliding_window="None"} 1.0\n';

  function recordAdapters(): void {
    adapters?.record(engine.adapters.running(), engine.adapters.waiting(), Date.now());
  }

  return {
    recordAdapters,
    render() {
      recordAdapters();
      const page =
        gauge("num_requests_running", "Number of requests in model execution batches.", engine.running) +
        gauge("num_requests_waiting", "Number of requests waiting to be processed.", engine.waiting) +
        gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", engine.kvUsage) +
        cacheConfig +
        renderTransferMetrics(transfer, labels) +
        (adapters?.render() ?? "") +
        requests.render(labels);
      if (page.length >= options.metricsPaddingBytes) return page;
      padding ??= renderPadding(options.metricsPaddingBytes);
      // Cut at a line, so that the page is as long as it has to be and no longer than one line more.
      const end = padding.indexOf("\n", options.metricsPaddingBytes - page.length - 1);
      return page + padding.slice(0, end + 1);
    },
  };
}
