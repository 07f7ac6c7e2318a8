import { type AdapterLabels, readAdapterLabels } from "./adapter-labels.ts";
import { locateGroup } from "./locate-group.ts";
import { type LabelTest, type MetricPlan, type PagePlan, type Reading, Slot } from "./page-plan.ts";
import { type ByteRange, findLabel, isEqual, isSampleOf, parseNumber, readSample, type Sample } from "./sample-line.ts";

/** What the last page of an endpoint said. */
export interface PageReader {
  readonly plan: PagePlan;
  /** By slot; `NaN` = not on the page, or not usable. Reused for the next page. */
  readonly values: Float64Array;
  /** Samples that were used for each slot. */
  readonly samples: Uint32Array;
  readonly adapters: AdapterLabels | undefined;
  /** Reads a page; {@link values} and the others then belong to it. Never throws; the page is not kept. */
  read(page: Buffer): void;
}

/** Larger pages are not compared with their predecessor: the copy would cost too much memory per endpoint. */
const largestKeptPage = 131_072;

/**
 * A reader for the pages of one endpoint. It remembers where the samples were, because a page differs from its
 * predecessor by some digits.
 */
export function createPageReader(plan: PagePlan): PageReader {
  const offsets = new Int32Array(plan.metrics.length).fill(-1);
  const values = new Float64Array(plan.slots);
  const samples = new Uint32Array(plan.slots);
  const timestamps = new Float64Array(plan.slots);
  let last: Buffer = Buffer.alloc(0);
  let lastLength = -1;
  let adapterBytes: Buffer = Buffer.alloc(0);
  let adapters: AdapterLabels | undefined;

  function isLast(page: Buffer): boolean {
    return page.length === lastLength && page.compare(last, 0, lastLength) === 0;
  }

  function keep(page: Buffer): void {
    lastLength = page.length <= largestKeptPage ? page.length : -1;
    if (lastLength < 0) return;
    if (last.length < lastLength) last = Buffer.allocUnsafeSlow(lastLength + 1_024);
    page.copy(last);
  }

  function take({ slot, label, combine, countable }: Reading, page: Buffer): void {
    let value = sample.value;
    if (label !== undefined) {
      if (!findLabel(page, sample, label, range)) return;
      value = parseNumber(page, range.start, range.end);
    }
    if (!Number.isFinite(value) || (countable && value < 0)) return;
    const count = (samples[slot] = samples[slot]! + 1);
    const timestamp = Number.isNaN(sample.timestamp) ? Number.NEGATIVE_INFINITY : sample.timestamp;
    if (count === 1) values[slot] = value;
    else if (combine !== "first") values[slot] = values[slot]! + value;
    else if (timestamp > timestamps[slot]!) values[slot] = value;
    if (count === 1 || timestamp > timestamps[slot]!) timestamps[slot] = timestamp;
  }

  /** Reads all samples of one metric, the first of which begins at `offset`. */
  function readGroup(page: Buffer, metric: MetricPlan, offset: number): void {
    const { readings, bytes, adapters: adapterTests } = metric;
    newest.value = Number.NEGATIVE_INFINITY;
    let at = offset;
    while (isSampleOf(page, at, bytes)) {
      const isWhole = readSample(page, at + bytes.length, sample);
      at = sample.next;
      if (!isWhole) continue;
      for (let i = 0; i < readings.length; i += 1) {
        const reading = readings[i]!;
        if (hasLabels(page, reading.labels)) take(reading, page);
      }
      // The value is the time at which the server's adapters changed.
      if (adapterTests !== undefined && sample.value > newest.value && hasLabels(page, adapterTests)) {
        newest.value = sample.value;
        newest.labelsStart = sample.labelsStart;
        newest.labelsEnd = sample.labelsEnd;
      }
    }
    if (adapterTests !== undefined && newest.value > Number.NEGATIVE_INFINITY) readAdapters(page);
  }

  /** Sets are made anew only when the labels have changed. */
  function readAdapters(page: Buffer): void {
    const { labelsStart, labelsEnd } = newest;
    if (adapters === undefined || !isEqual(page, labelsStart, labelsEnd, adapterBytes)) {
      adapterBytes = Buffer.from(page.subarray(labelsStart, labelsEnd));
      adapters = readAdapterLabels(page, newest);
    }
  }

  return {
    plan,
    values,
    samples,
    get adapters() {
      return adapters;
    },
    read(page) {
      if (isLast(page)) return;
      keep(page);
      samples.fill(0);
      values.fill(Number.NaN);
      let drift = 0;
      let hasAdapters = false;
      for (let i = 0; i < plan.metrics.length; i += 1) {
        const metric = plan.metrics[i]!;
        const before = offsets[i]!;
        const at = locateGroup(page, metric, before < 0 ? -1 : Math.max(0, before + drift));
        offsets[i] = at;
        if (at < 0) continue;
        if (before >= 0) drift = at - before;
        if (metric.adapters !== undefined) hasAdapters = true;
        readGroup(page, metric, at);
      }
      if (!hasAdapters) adapters = undefined;
      finish(plan, values, samples);
    },
  };
}

const sample: Sample = { labelsStart: -1, labelsEnd: -1, value: Number.NaN, timestamp: Number.NaN, next: 0 };
const newest: Sample = { ...sample };
const range: ByteRange = { start: 0, end: 0 };

function hasLabels(page: Buffer, tests: readonly LabelTest[]): boolean {
  for (let i = 0; i < tests.length; i += 1) {
    const { name, value } = tests[i]!;
    if (!findLabel(page, sample, name, range) || !isEqual(page, range.start, range.end, value)) return false;
  }
  return true;
}

/** Sums become means where asked, counts become whole, KV use stays within 0 and 1. */
function finish(plan: PagePlan, values: Float64Array, samples: Uint32Array): void {
  for (const { readings } of plan.metrics) {
    for (const { slot, combine } of readings) if (combine === "mean") values[slot] = values[slot]! / samples[slot]!;
  }
  values[Slot.waiting] = Math.trunc(values[Slot.waiting]!);
  values[Slot.running] = Math.trunc(values[Slot.running]!);
  values[Slot.blockSize] = positive(values[Slot.blockSize]!);
  values[Slot.blockCount] = positive(values[Slot.blockCount]!);
  values[Slot.kvUsage] = Math.min(1, Math.max(0, values[Slot.kvUsage]!));
}

/** A block of no tokens, or a cache of no blocks, is a server that does not know yet. */
function positive(value: number): number {
  const whole = Math.trunc(value);
  return whole > 0 ? whole : Number.NaN;
}
