import { z } from "zod";
import { parseMetricSpec } from "./metric-spec.ts";

const spec = z.string().refine((text) => parseMetricSpec(text) !== undefined, "must be name or name{label=value,…}");
const specFor = (what: string) => spec.optional().describe(`${what}: name or name{label=value,…}. Absent = not read.`);

const customMetric = z.strictObject({
  attributeKey: z.string().min(1).max(128).describe("Key of the value in the attribute pointsman/custom-metrics."),
  metricSpec: spec.describe("The metric: name or name{label=value,…}."),
});

/** How one kind of model server names its metrics; members named as in llm-d. */
export const engineConfig = z.strictObject({
  name: z
    .string()
    .min(1)
    .refine((name) => name !== "default", "the name default is reserved: use defaultEngine")
    .describe("Name of the engine, as endpoints carry it in their label."),
  queuedRequestsSpec: specFor("Requests that wait"),
  runningRequestsSpec: specFor("Requests in the batch"),
  kvUsageSpec: specFor("Share of the KV cache in use, 0 to 1"),
  loraSpec: specFor("Adapters, in the labels running_lora_adapters, waiting_lora_adapters and max_lora"),
  cacheInfoSpec: specFor("Facts about the KV cache, in labels"),
  cacheBlockSizeLabelName: z
    .string()
    .default("block_size")
    .describe("Label of cacheInfoSpec that has the tokens in one block."),
  cacheNumBlocksLabelName: z
    .string()
    .default("num_gpu_blocks")
    .describe("Label of cacheInfoSpec that has the number of blocks."),
  cacheBlockSizeSpec: specFor("Tokens in one block, in place of cacheInfoSpec"),
  cacheNumBlocksSpec: specFor("Number of blocks, in place of cacheInfoSpec"),
  customMetrics: z
    .array(customMetric)
    .default([])
    .superRefine((list, context) => {
      list.forEach(({ attributeKey }, index) => {
        if (list.findIndex((other) => other.attributeKey === attributeKey) === index) return;
        context.addIssue({ code: "custom", path: [index, "attributeKey"], message: `${attributeKey} is there twice` });
      });
    })
    .describe("Further metrics to read."),
});

export type EngineConfig = z.output<typeof engineConfig>;

/**
 * The engines that are known without configuration. Names as llm-d has them, for TGI as its metrics reference has them;
 * TGI reports neither KV use nor adapters.
 */
export const builtInEngines: readonly EngineConfig[] = [
  {
    name: "vllm",
    queuedRequestsSpec: "vllm:num_requests_waiting",
    runningRequestsSpec: "vllm:num_requests_running",
    kvUsageSpec: "vllm:kv_cache_usage_perc",
    loraSpec: "vllm:lora_requests_info",
    cacheInfoSpec: "vllm:cache_config_info",
  },
  {
    name: "sglang",
    queuedRequestsSpec: "sglang:num_queue_reqs",
    runningRequestsSpec: "sglang:num_running_reqs",
    kvUsageSpec: "sglang:token_usage",
    cacheInfoSpec: "sglang:cache_config_info",
    cacheBlockSizeLabelName: "page_size",
    cacheNumBlocksLabelName: "num_pages",
  },
  {
    name: "trtllm-serve",
    queuedRequestsSpec: "trtllm_num_requests_waiting",
    runningRequestsSpec: "trtllm_num_requests_running",
    kvUsageSpec: "trtllm_kv_cache_utilization",
    cacheBlockSizeSpec: "trtllm_kv_cache_tokens_per_block",
    cacheNumBlocksSpec: "trtllm_kv_cache_max_blocks",
  },
  {
    name: "triton-tensorrt-llm",
    queuedRequestsSpec: "nv_trt_llm_request_metrics{request_type=waiting}",
    runningRequestsSpec: "nv_trt_llm_request_metrics{request_type=scheduled}",
    kvUsageSpec: "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}",
    cacheBlockSizeSpec: "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}",
    cacheNumBlocksSpec: "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}",
  },
  {
    name: "triton",
    queuedRequestsSpec: "nv_inference_pending_request_count",
    runningRequestsSpec: "nv_inference_exec_count",
  },
  { name: "tgi", queuedRequestsSpec: "tgi_queue_size", runningRequestsSpec: "tgi_batch_current_size" },
].map((engine) => engineConfig.parse(engine));
