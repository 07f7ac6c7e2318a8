import { escapeLabel } from "./escape-label.ts";

/**
 * The series `vllm:lora_requests_info`. vLLM puts the state into the labels and the time into the value, and never
 * drops a series: a page shows every combination that ever held, each with the time when it last did, and the newest
 * value tells the current one.
 */
export interface AdapterSeries {
  /** Says what holds now; call it on every change and before `render`. */
  record(running: readonly string[], waiting: readonly string[], nowMs: number): void;
  render(): string;
}

/** A real server keeps all combinations; this many keep the page from growing without end. */
const keptCombinations = 16;

export function createAdapterSeries(maxLoras: number): AdapterSeries {
  const lastHeld = new Map<string, number>();
  let current: string | undefined;
  let newest = 0;

  return {
    record(running, waiting, nowMs) {
      const labels =
        `max_lora="${maxLoras}",running_lora_adapters="${escapeLabel(running.join(","))}",` +
        `waiting_lora_adapters="${escapeLabel(waiting.join(","))}"`;
      // Two combinations within one millisecond still need an order.
      newest = labels === current ? Math.max(newest, nowMs) : Math.max(newest + 1, nowMs);
      current = labels;
      lastHeld.set(labels, newest);
      if (lastHeld.size <= keptCombinations) return;
      for (const labelsOfOld of lastHeld.keys()) {
        if (labelsOfOld === current) continue;
        lastHeld.delete(labelsOfOld);
        break;
      }
    },
    render() {
      let text =
        "# HELP vllm:lora_requests_info Running stats on lora requests.\n# TYPE vllm:lora_requests_info gauge\n";
      for (const [labels, ms] of lastHeld) text += `vllm:lora_requests_info{${labels}} ${ms / 1000}\n`;
      return text;
    },
  };
}
