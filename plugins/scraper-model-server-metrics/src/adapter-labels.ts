import { type ByteRange, findLabel, labelText, parseNumber, type Sample } from "./sample-line.ts";

/** What the labels of an adapter metric say. */
export interface AdapterLabels {
  readonly active: ReadonlySet<string>;
  readonly waiting: ReadonlySet<string>;
  /** `NaN` when the label is missing or no count. */
  readonly max: number;
}

/** A server with more adapters than that does not exist; a page that claims it is not believed. */
export const mostAdapters = 4_096;
const longestName = 512;

const runningLabel = Buffer.from("running_lora_adapters");
const waitingLabel = Buffer.from("waiting_lora_adapters");
const maxLabel = Buffer.from("max_lora");
const range: ByteRange = { start: 0, end: 0 };

/** Reads the labels of the sample whose positions are given. */
export function readAdapterLabels(page: Buffer, sample: Sample): AdapterLabels {
  const max = findLabel(page, sample, maxLabel, range) ? parseNumber(page, range.start, range.end) : Number.NaN;
  return {
    active: findLabel(page, sample, runningLabel, range) ? parseNames(labelText(page, range)) : new Set(),
    waiting: findLabel(page, sample, waitingLabel, range) ? parseNames(labelText(page, range)) : new Set(),
    max: Number.isInteger(max) && max >= 0 ? max : Number.NaN,
  };
}

function parseNames(list: string): Set<string> {
  const names = new Set<string>();
  for (const entry of list.split(",", mostAdapters)) {
    const name = entry.trim();
    if (name !== "" && name.length <= longestName) names.add(name);
  }
  return names;
}
