import type { EngineConfig } from "./engines.ts";
import type { MetricName } from "./locate-group.ts";
import { parseMetricSpec } from "./metric-spec.ts";
import { escapeLabel } from "./sample-line.ts";

/**
 * Several samples of a page may fit one metric, one for each engine behind a port for example. `first` takes the one
 * with the newest timestamp, else the first, as llm-d does. `sum` adds them up: queue, running and block count are
 * sums, KV use is the mean.
 */
export type Aggregate = "first" | "sum";

/** Where the numbers of a page go; custom metrics follow from {@link Slot.custom} on. */
export const Slot = { waiting: 0, running: 1, kvUsage: 2, blockSize: 3, blockCount: 4, custom: 5 } as const;

export type LabelTest = { readonly name: Uint8Array; readonly value: Uint8Array };

/** One number to take from the samples of a metric. */
export interface Reading {
  readonly slot: number;
  readonly labels: readonly LabelTest[];
  /** The label that holds the number; undefined = the sample's value does. */
  readonly label: Uint8Array | undefined;
  readonly combine: "first" | "sum" | "mean";
  /** Only numbers from 0 on make sense; others are passed over. */
  readonly countable: boolean;
}

/** One metric of the page and all that is wanted of it. */
export interface MetricPlan extends MetricName {
  readonly name: string;
  readonly readings: Reading[];
  /** Label tests of the adapter metric when this is it. */
  adapters: readonly LabelTest[] | undefined;
}

/** All that is wanted of a page of one engine. */
export interface PagePlan {
  readonly engine: string;
  readonly metrics: readonly MetricPlan[];
  readonly slots: number;
  /** Attribute key of each slot from {@link Slot.custom} on. */
  readonly customKeys: readonly string[];
  /** Spec text by slot, of those a server of this engine is expected to have. */
  readonly expected: ReadonlyMap<number, string>;
}

/** Turns the names of an engine into bytes to look for. */
export function createPagePlan(engine: EngineConfig, aggregate: Aggregate): PagePlan {
  const metrics = new Map<string, MetricPlan>();
  const expected = new Map<number, string>();
  const sum = aggregate === "sum" ? "sum" : "first";
  const mean = aggregate === "sum" ? "mean" : "first";

  const metricOf = (name: string): MetricPlan => {
    const known = metrics.get(name);
    if (known !== undefined) return known;
    const afterBreak = Buffer.from(`\n${name}`);
    const made = { name, bytes: afterBreak.subarray(1), afterBreak, readings: [], adapters: undefined };
    metrics.set(name, made);
    return made;
  };
  const read = (slot: number, text: string | undefined, combine: Reading["combine"], label?: string): void => {
    const spec = text === undefined ? undefined : parseMetricSpec(text);
    if (spec === undefined) return;
    metricOf(spec.name).readings.push({
      slot,
      labels: labelTests(spec.labels),
      label: label === undefined ? undefined : Buffer.from(label),
      combine,
      countable: slot < Slot.custom && slot !== Slot.kvUsage,
    });
  };

  read(Slot.waiting, engine.queuedRequestsSpec, sum);
  read(Slot.running, engine.runningRequestsSpec, sum);
  read(Slot.kvUsage, engine.kvUsageSpec, mean);
  if (engine.cacheBlockSizeSpec !== undefined) read(Slot.blockSize, engine.cacheBlockSizeSpec, "first");
  else read(Slot.blockSize, engine.cacheInfoSpec, "first", engine.cacheBlockSizeLabelName);
  if (engine.cacheNumBlocksSpec !== undefined) read(Slot.blockCount, engine.cacheNumBlocksSpec, sum);
  else read(Slot.blockCount, engine.cacheInfoSpec, sum, engine.cacheNumBlocksLabelName);
  engine.customMetrics.forEach(({ metricSpec }, index) => {
    read(Slot.custom + index, metricSpec, "first");
    expected.set(Slot.custom + index, metricSpec);
  });
  const lora = engine.loraSpec === undefined ? undefined : parseMetricSpec(engine.loraSpec);
  if (lora !== undefined) metricOf(lora.name).adapters = labelTests(lora.labels);
  for (const [slot, text] of [
    [Slot.waiting, engine.queuedRequestsSpec],
    [Slot.running, engine.runningRequestsSpec],
    [Slot.kvUsage, engine.kvUsageSpec],
  ] as const) {
    if (text !== undefined) expected.set(slot, text);
  }
  return {
    engine: engine.name,
    metrics: [...metrics.values()],
    slots: Slot.custom + engine.customMetrics.length,
    customKeys: engine.customMetrics.map(({ attributeKey }) => attributeKey),
    expected,
  };
}

function labelTests(labels: readonly { readonly name: string; readonly value: string }[]): LabelTest[] {
  return labels.map(({ name, value }) => ({ name: Buffer.from(name), value: Buffer.from(escapeLabel(value)) }));
}
