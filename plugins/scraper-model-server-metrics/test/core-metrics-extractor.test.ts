import type { Attribute, DataKey, Endpoint } from "@pointsman/plugin-api";
import { openPlugin } from "@pointsman/plugin-api/internal";
import { configIssues, setUpPlugin, type TestEndpoint } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { coreMetricsExtractor } from "../src/core-metrics-extractor.ts";
import definitions from "../src/index.ts";
import { vllmPage } from "./vllm-page.ts";

const newLabel = "llm-d.ai/engine-type";
const oldLabel = "inference.networking.k8s.io/engine-type";

async function extractorWith(config: object = {}, endpoints: TestEndpoint[] = [{}]) {
  const plugin = await setUpPlugin(coreMetricsExtractor, { config, endpoints });
  const endpointNamed = (name: string): Endpoint =>
    plugin.pool.datastore.snapshot().endpoints.find((endpoint) => endpoint.name === name)!;
  return {
    ...plugin,
    extract(page: string | Uint8Array, name = "pod-0") {
      const written: Record<string, unknown> = {};
      const body = typeof page === "string" ? Buffer.from(page) : page;
      plugin.extractor!.extract(
        endpointNamed(name),
        { format: "prometheus-text", body },
        {
          set: (attribute: Attribute, value: unknown) => {
            written[attribute.id.replace("pointsman/", "")] = value;
          },
        },
      );
      return written;
    },
  };
}

describe("the core metrics extractor", () => {
  it("publishes what a vLLM page says", async () => {
    const { extract, extractor } = await extractorWith();
    const lora =
      'vllm:lora_requests_info{max_lora="4",running_lora_adapters="sql",waiting_lora_adapters="poet"} 1.7239912355e+09';
    expect(extractor!.accepts).toEqual(["prometheus-text"]);
    expect(extract(vllmPage({ waiting: 3, running: 12, kvUsage: 0.437, lora }))).toEqual({
      "waiting-requests": 3,
      "running-requests": 12,
      "kv-cache-usage": 0.437,
      "kv-block-size": 16,
      "kv-block-count": 27_712,
      "active-adapters": new Set(["sql"]),
      "waiting-adapters": new Set(["poet"]),
      "max-adapters": 4,
    });
  });

  it.each([
    ["vllm", "vllm:num_requests_waiting 1\nvllm:num_requests_running 2\nvllm:kv_cache_usage_perc 0.5\n", {}],
    [
      "sglang",
      'sglang:num_queue_reqs 1\nsglang:num_running_reqs 2\nsglang:token_usage 0.5\nsglang:cache_config_info{page_size="64",num_pages="10"} 1\n',
      { "kv-block-size": 64, "kv-block-count": 10 },
    ],
    [
      "trtllm-serve",
      "trtllm_num_requests_waiting 1\ntrtllm_num_requests_running 2\ntrtllm_kv_cache_utilization 0.5\ntrtllm_kv_cache_tokens_per_block 32\ntrtllm_kv_cache_max_blocks 10\n",
      { "kv-block-size": 32, "kv-block-count": 10 },
    ],
    [
      "triton-tensorrt-llm",
      'nv_trt_llm_request_metrics{request_type="waiting"} 1\nnv_trt_llm_request_metrics{request_type="scheduled"} 2\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction"} 0.5\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per"} 32\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max"} 10\n',
      { "kv-block-size": 32, "kv-block-count": 10 },
    ],
  ])("knows the names of %s", async (engine, page, more) => {
    const { extract } = await extractorWith({}, [{ labels: { [newLabel]: engine } }]);
    const load = { "waiting-requests": 1, "running-requests": 2, "kv-cache-usage": 0.5 };
    expect(extract(page)).toEqual({ ...load, ...more });
  });

  it.each([
    ["triton", "nv_inference_pending_request_count 1\nnv_inference_exec_count 2\n"],
    ["tgi", "tgi_queue_size 1\ntgi_batch_current_size 2\n"],
  ])("knows the names of %s, which says nothing of its cache", async (engine, page) => {
    const { extract, services } = await extractorWith({ defaultEngine: engine });
    expect(extract(page)).toEqual({ "waiting-requests": 1, "running-requests": 2 });
    expect(services.logs).toEqual([]);
  });

  it("chooses the engine by label, old name too, and the default for a name it does not know", async () => {
    const page = "vllm:num_requests_waiting 1\nsglang:num_queue_reqs 2\ntgi_queue_size 3\n";
    const { extract, services } = await extractorWith({}, [
      { name: "none" },
      { name: "new", labels: { [newLabel]: "sglang", [oldLabel]: "tgi" } },
      { name: "old", labels: { [oldLabel]: "tgi" } },
      { name: "unknown", labels: { [newLabel]: "vLLM" } },
    ]);
    const waiting = ["none", "new", "old", "unknown", "unknown"].map((name) => extract(page, name)["waiting-requests"]);
    expect(waiting).toEqual([1, 2, 3, 1, 1]);
    expect(services.logs.filter(({ message }) => message.includes("not configured"))).toEqual([
      expect.objectContaining({
        level: "warn",
        fields: { endpoint: "default/unknown", engine: "vLLM", instead: "vllm" },
      }),
    ]);
    const own = await extractorWith({ engineLabelKey: "engine" }, [
      { labels: { engine: "sglang", [oldLabel]: "tgi" } },
    ]);
    expect(own.extract(page)["waiting-requests"]).toBe(2);
  });

  it("follows an endpoint whose label changes", async () => {
    const page = "vllm:num_requests_waiting 1\nsglang:num_queue_reqs 2\n";
    const { extract, pool } = await extractorWith();
    expect(extract(page)["waiting-requests"]).toBe(1);
    pool.datastore.replace([{ name: "pod-0", host: "192.168.1.1", port: 8000, labels: { [newLabel]: "sglang" } }]);
    expect(extract(page)["waiting-requests"]).toBe(2);
  });

  it("reads engines and custom metrics from the config; one with a built-in name replaces it", async () => {
    const { extract, services } = await extractorWith({
      engineConfigs: [
        {
          name: "vllm",
          queuedRequestsSpec: "my_queue{tier=gold}",
          customMetrics: [
            { attributeKey: "heat", metricSpec: "gpu_temp{id=1}" },
            { attributeKey: "none", metricSpec: "absent" },
          ],
        },
      ],
    });
    const page =
      'my_queue{tier="iron"} 1\nmy_queue{tier="gold"} 2\nvllm:num_requests_running 3\ngpu_temp{id="1"} -4.5\n';
    expect(extract(page)).toEqual({ "waiting-requests": 2, "custom-metrics": { heat: -4.5 } });
    expect(services.logs.map(({ fields }) => fields["metric"])).toEqual(["absent"]);
  });

  it("publishes again what an unchanged page says, so that it does not grow old", async () => {
    const { extract } = await extractorWith();
    const page = vllmPage();
    const first = extract(page);
    expect(Object.keys(first).length).toBe(5);
    expect(extract(Buffer.from(page))).toEqual(first);
  });

  it("applies the rest when one metric is missing, and says so once", async () => {
    const { extract, services } = await extractorWith();
    for (let i = 0; i < 3; i += 1) {
      expect(extract(`vllm:num_requests_waiting ${i}\nvllm:num_requests_running 2\n`)["waiting-requests"]).toBe(i);
    }
    expect(services.logs).toEqual([
      expect.objectContaining({
        level: "warn",
        fields: { endpoint: "default/pod-0", metric: "vllm:kv_cache_usage_perc" },
      }),
    ]);
  });

  it("says once that only one of several samples counts", async () => {
    const page =
      'vllm:num_requests_waiting{engine="0"} 1\nvllm:num_requests_waiting{engine="1"} 5\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n';
    const { extract, services } = await extractorWith();
    expect([extract(page), extract(page)].map((written) => written["waiting-requests"])).toEqual([1, 1]);
    expect(services.logs.map(({ message }) => message)).toEqual([expect.stringContaining("aggregate")]);
    const summing = await extractorWith({ aggregate: "sum" });
    expect(summing.extract(page)["waiting-requests"]).toBe(6);
    expect(summing.services.logs).toEqual([]);
  });

  it.each([
    ["nothing", ""],
    ["HTML", "<html><body>vllm:num_requests_waiting 1</body></html>\n"],
    ["another engine's page", "sglang:num_queue_reqs 2\n"],
    [
      "numbers that are none",
      "vllm:num_requests_waiting NaN\nvllm:num_requests_running -1\nvllm:kv_cache_usage_perc +Inf\n",
    ],
    ["bytes", Buffer.from([0, 255, 10, 118, 0xc3])],
  ])("refuses a page of %s, naming the metrics it looked for", async (_, page) => {
    const { extract } = await extractorWith();
    const error = expect.objectContaining({
      code: "ERR_SCRAPE_FORMAT",
      message: expect.stringMatching(
        /^default\/pod-0: .*engine vllm: vllm:num_requests_waiting, vllm:num_requests_running/,
      ),
    });
    for (let i = 0; i < 2; i += 1) expect(() => extract(page)).toThrow(error);
  });

  it("reads a large page of garbage without harm, and refuses a larger one", async () => {
    const { extract } = await extractorWith();
    for (const piece of [
      "\n",
      "vllm:num_requests_waiting",
      "\nvllm:num_requests_waiting",
      "\nvllm:num_requests_waiting{",
      '\nvllm:cache_config_info{block_size="',
    ]) {
      const page = Buffer.alloc(4 * 1024 * 1024, piece);
      expect(() => extract(page)).toThrow(expect.objectContaining({ code: "ERR_SCRAPE_FORMAT" }));
    }
    expect(() => extract(Buffer.alloc(50_000_000))).toThrow(expect.objectContaining({ code: "ERR_SCRAPE_TOO_LARGE" }));
    expect(extract(vllmPage({ waiting: 9 }))["waiting-requests"]).toBe(9);
  });

  it("forgets endpoints that leave", async () => {
    const lora = 'vllm:lora_requests_info{running_lora_adapters="a"} 1\n';
    const { extract, pool } = await extractorWith();
    const before = extract(lora)["active-adapters"];
    expect(extract(lora)["active-adapters"]).toBe(before);
    const pod = { name: "pod-0", host: "192.168.1.1", port: 8000 };
    pool.datastore.replace([]);
    pool.datastore.replace([pod]);
    expect(extract(lora)["active-adapters"]).not.toBe(before);
  });

  it("does not mix up endpoints that take turns", async () => {
    const { extract } = await extractorWith({}, [{}, {}]);
    for (let i = 0; i < 10; i += 1) {
      expect(extract(vllmPage({ waiting: i, served: i ** 5 }), "pod-0")["waiting-requests"]).toBe(i);
      expect(extract(vllmPage({ waiting: 1_000 + i }), "pod-1")["waiting-requests"]).toBe(1_000 + i);
    }
  });

  it.each([
    [{ defaultEngine: "vlm" }, /^defaultEngine: no engine is named vlm; there are vllm, sglang/],
    [{ engineConfigs: [{ name: "default" }] }, /^engineConfigs\.0\.name: the name default is reserved/],
    [{ engineConfigs: [{ name: "a" }, { name: "a" }] }, /^engineConfigs\.1\.name: a is there twice/],
    [{ engineConfigs: [{ name: "a", kvUsageSpec: "x{y" }] }, /^engineConfigs\.0\.kvUsageSpec: must be name/],
    [{ engineConfigs: [{ name: "a", kvSpec: "x" }] }, /kvSpec/],
    [
      {
        engineConfigs: [
          {
            name: "a",
            customMetrics: [
              { attributeKey: "k", metricSpec: "x" },
              { attributeKey: "k", metricSpec: "y" },
            ],
          },
        ],
      },
      /^engineConfigs\.0\.customMetrics\.1\.attributeKey: k is there twice/,
    ],
    [{ aggregate: "max" }, /^aggregate: /],
  ])("refuses the config %j and says where", (config, message) => {
    expect(configIssues(coreMetricsExtractor, config)).toEqual([expect.stringMatching(message)]);
  });

  it("is what the manifest says", () => {
    const types: Record<string, { description: string; writes: string[] }> = manifest.pointsman.types;
    const specs = definitions
      .map((definition) => openPlugin(definition))
      .filter((opened) => typeof opened === "object");
    expect(specs.map(({ spec }) => spec.type)).toEqual(Object.keys(types));
    for (const { spec } of specs) {
      expect(types[spec.type]!.description).toBe(spec.description);
      expect(types[spec.type]!.writes).toEqual((spec.writes ?? []).map(({ key }: DataKey) => key));
    }
  });
});
