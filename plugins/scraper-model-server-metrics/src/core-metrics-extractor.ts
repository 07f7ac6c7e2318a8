import { core, definePlugin, type Endpoint, type EndpointWriter, type Logger } from "@pointsman/plugin-api";
import {
  ActiveAdapters,
  KvBlockCount,
  KvBlockSize,
  KvCacheUsage,
  MaxAdapters,
  RunningRequests,
  WaitingAdapters,
  WaitingRequests,
} from "@pointsman/plugin-api/keys";
import { ScrapeError } from "@pointsman/scrape-client";
import { z } from "zod";
import { builtInEngines, engineConfig } from "./engines.ts";
import { CustomMetrics } from "./keys.ts";
import { createPagePlan, Slot } from "./page-plan.ts";
import { createPageReader, type PageReader } from "./page-reader.ts";

const defaultEngineLabel = "llm-d.ai/engine-type";
/** The name that label had before; read where the config names no other. */
const formerEngineLabel = "inference.networking.k8s.io/engine-type";

const config = z
  .strictObject({
    engineLabelKey: z
      .string()
      .min(1)
      .default(defaultEngineLabel)
      .describe(`Label that says which engine an endpoint runs. With the default, ${formerEngineLabel} is read too.`),
    defaultEngine: z.string().min(1).default("vllm").describe("Engine of endpoints without that label."),
    engineConfigs: z
      .array(engineConfig)
      .default([])
      .describe("Engines besides the built-in ones; one with the name of a built-in engine replaces it."),
    aggregate: z
      .enum(["first", "sum"])
      .default("first")
      .describe(
        "When several samples fit: first = the newest by timestamp, else the first; sum = queue, running and blocks added up, KV use averaged.",
      ),
    maxPageBytes: z
      .int()
      .min(1)
      .max(1_073_741_824)
      .default(8_388_608)
      .describe("Largest page that is read, in bytes; reading takes time in proportion."),
  })
  .superRefine(({ engineConfigs, defaultEngine }, context) => {
    engineConfigs.forEach(({ name }, index) => {
      if (engineConfigs.findIndex((other) => other.name === name) === index) return;
      context.addIssue({ code: "custom", path: ["engineConfigs", index, "name"], message: `${name} is there twice` });
    });
    const names = [...new Set([...builtInEngines, ...engineConfigs].map(({ name }) => name))];
    if (names.includes(defaultEngine)) return;
    const message = `no engine is named ${defaultEngine}; there are ${names.join(", ")}`;
    context.addIssue({ code: "custom", path: ["defaultEngine"], message });
  });

/** Reads load, KV cache and adapters from the metrics page of a model server. */
export const coreMetricsExtractor = definePlugin({
  type: "core-metrics-extractor",
  description: "Queue, running requests, KV cache and LoRA adapters from a model server's metrics page",
  stability: "beta",
  config,
  needs: { endpoints: core.endpoints, log: core.logger },
  writes: [
    WaitingRequests,
    RunningRequests,
    KvCacheUsage,
    KvBlockSize,
    KvBlockCount,
    ActiveAdapters,
    WaitingAdapters,
    MaxAdapters,
    CustomMetrics,
  ],
  setup({ config, needs, onStop }) {
    const { engineLabelKey, defaultEngine, maxPageBytes } = config;
    const plans = new Map(
      [...builtInEngines, ...config.engineConfigs].map((engine) => [
        engine.name,
        createPagePlan(engine, config.aggregate),
      ]),
    );
    const readers = new Map<string, PageReader>();
    const notices = createNotices(needs.log);
    onStop(
      needs.endpoints.onChange(({ removed }) => {
        for (const { id } of removed) readers.delete(id);
      }),
    );

    function readerOf(endpoint: Endpoint): PageReader {
      const { labels } = endpoint;
      const former = engineLabelKey === defaultEngineLabel ? labels[formerEngineLabel] : undefined;
      const engine = labels[engineLabelKey] ?? former ?? defaultEngine;
      let plan = plans.get(engine);
      if (plan === undefined) {
        notices.unknownEngine(endpoint, engine, defaultEngine);
        plan = plans.get(defaultEngine)!;
      }
      const known = readers.get(endpoint.id);
      if (known?.plan === plan) return known;
      const made = createPageReader(plan);
      // A page may come in after its endpoint has left, and nobody would forget the reader again.
      if (needs.endpoints.get(endpoint.id) !== undefined) readers.set(endpoint.id, made);
      return made;
    }

    return {
      extractor: {
        accepts: ["prometheus-text"],
        extract(endpoint, { body }, write) {
          if (body.length > maxPageBytes) {
            const message = `${endpoint.id}: the metrics page has ${body.length} bytes, more than ${maxPageBytes}`;
            throw new ScrapeError("ERR_SCRAPE_TOO_LARGE", message);
          }
          const reader = readerOf(endpoint);
          reader.read(Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
          if (!publish(reader, write)) {
            const { engine, metrics } = reader.plan;
            const names = metrics.map(({ name }) => name).join(", ");
            const message = `${endpoint.id}: a page of ${body.length} bytes with no metric of engine ${engine}: ${names}`;
            throw new ScrapeError("ERR_SCRAPE_FORMAT", message);
          }
          notices.about(endpoint, reader, config.aggregate === "first");
        },
      },
    };
  },
});

/** Writes what the page had. False when that is nothing. */
function publish({ values, adapters, plan }: PageReader, write: EndpointWriter): boolean {
  let any = false;
  for (let slot = 0; slot < Slot.custom; slot += 1) {
    const value = values[slot]!;
    if (Number.isNaN(value)) continue;
    write.set(numbers[slot]!, value);
    any = true;
  }
  if (adapters !== undefined) {
    write.set(ActiveAdapters, adapters.active);
    write.set(WaitingAdapters, adapters.waiting);
    if (!Number.isNaN(adapters.max)) write.set(MaxAdapters, adapters.max);
    any = true;
  }
  const custom = customMetrics(plan.customKeys, values);
  if (custom === undefined) return any;
  write.set(CustomMetrics, custom);
  return true;
}

const numbers = [WaitingRequests, RunningRequests, KvCacheUsage, KvBlockSize, KvBlockCount];

function customMetrics(keys: readonly string[], values: Float64Array): Record<string, number> | undefined {
  let found: Record<string, number> | undefined;
  for (let i = 0; i < keys.length; i += 1) {
    const value = values[Slot.custom + i]!;
    if (Number.isNaN(value)) continue;
    found ??= {};
    found[keys[i]!] = value;
  }
  return found;
}

/** Labels come from outside; beyond this many distinct notices nothing more is said. */
const mostNotices = 256;

/** Says each thing once: pages come twenty times a second. */
function createNotices(log: Logger) {
  const said = new Set<string>();
  const once = (key: string, say: () => void): void => {
    if (said.has(key) || said.size >= mostNotices) return;
    said.add(key);
    say();
  };
  return {
    unknownEngine(endpoint: Endpoint, engine: string, instead: string): void {
      once(`engine ${engine}`, () =>
        log.warn("an endpoint names an engine that is not configured; the default is assumed", {
          endpoint: endpoint.id,
          engine,
          instead,
        }),
      );
    },
    about(endpoint: Endpoint, { plan, values, samples }: PageReader, takesFirst: boolean): void {
      for (const [slot, metric] of plan.expected) {
        if (Number.isNaN(values[slot]!)) {
          once(`missing ${metric}`, () =>
            log.warn("a metric is missing on a page, or has no usable value", { endpoint: endpoint.id, metric }),
          );
        } else if (takesFirst && samples[slot]! > 1) {
          once(`several ${metric}`, () =>
            log.info("several samples fit a metric and only one of them counts; see the option aggregate", {
              endpoint: endpoint.id,
              metric,
              samples: samples[slot]!,
            }),
          );
        }
      }
    },
  };
}
