/** A metrics page in the shape of a vLLM server's: a few gauges among many counters and histograms. */
export interface VllmPage {
  readonly waiting?: number;
  readonly running?: number;
  readonly kvUsage?: number;
  /** Requests served so far: makes the counters and histograms grow. */
  readonly served?: number;
  readonly lora?: string;
  /** Filled up with histograms to about this many bytes. */
  readonly bytes?: number;
}

const buckets = [
  "0.001",
  "0.005",
  "0.01",
  "0.02",
  "0.04",
  "0.08",
  "0.16",
  "0.32",
  "0.64",
  "1.28",
  "2.56",
  "5.12",
  "+Inf",
];

export function vllmPage(page: VllmPage = {}): Buffer {
  const { waiting = 3, running = 12, kvUsage = 0.437, served = 1_000, lora, bytes = 32_768 } = page;
  const model = 'engine="0",model_name="meta-llama/Llama-3.1-8B-Instruct"';
  const histogram = (name: string): string[] => [
    `# HELP ${name} Histogram of ${name}.`,
    `# TYPE ${name} histogram`,
    ...buckets.map(
      (le, i) => `${name}_bucket{${model},le="${le}"} ${Math.floor((served * (i + 1)) / buckets.length)}.0`,
    ),
    `${name}_count{${model}} ${served}.0`,
    `${name}_sum{${model}} ${served * 0.1234567}`,
  ];
  const single = (name: string, type: string, labels: string, value: string): string[] => [
    `# HELP ${name} What ${name} says.`,
    `# TYPE ${name} ${type}`,
    `${name}{${labels}} ${value}`,
  ];
  const lines = [
    ...single("python_gc_objects_collected_total", "counter", 'generation="0"', String(served * 7)),
    ...single("process_cpu_seconds_total", "counter", 'x="y"', String(served * 0.01)),
    ...single("vllm:num_requests_running", "gauge", model, `${running}.0`),
    ...single("vllm:num_requests_waiting_by_reason", "gauge", `${model},reason="capacity"`, `${waiting + 40}.0`),
    ...single("vllm:num_requests_waiting", "gauge", model, `${waiting}.0`),
    ...single("vllm:kv_cache_usage_perc", "gauge", model, String(kvUsage)),
  ];
  let size = lines.join("\n").length;
  for (let i = 0; size < bytes - 1_500; i += 1) {
    const filler =
      i % 4 === 3
        ? single(`vllm:counter_${i}_total`, "counter", model, `${served}.0`)
        : histogram(`vllm:time_${i}_seconds`);
    lines.push(...filler);
    size += filler.join("\n").length + 1;
  }
  if (lora !== undefined) lines.push("# TYPE vllm:lora_requests_info gauge", lora);
  lines.push(
    ...single(
      "vllm:cache_config_info",
      "gauge",
      'block_size="16",cache_dtype="auto",enable_prefix_caching="True",engine="0",num_cpu_blocks="None",num_gpu_blocks="27712",sliding_window="None"',
      "1.0",
    ),
  );
  return Buffer.from(`${lines.join("\n")}\n`);
}
