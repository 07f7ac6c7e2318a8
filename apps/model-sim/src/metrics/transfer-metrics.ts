import type { KvTransfer } from "../transfer/kv-transfer.ts";

/** Series about KV blocks that are kept for, or fetched from, other servers; the first under vLLM's name. */
export function renderTransferMetrics({ held, failed }: KvTransfer, labels: string): string {
  const series = (name: string, kind: "counter" | "gauge", help: string, value: number): string =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name}{${labels}} ${value}\n`;
  return (
    series(
      "vllm:nixl_num_kv_expired_reqs_total",
      "counter",
      "Requests whose KV blocks nobody fetched in time.",
      held.expired,
    ) +
    series("sim:kv_held_requests", "gauge", "Requests whose KV blocks wait to be fetched.", held.requests) +
    series("sim:kv_held_blocks", "gauge", "KV blocks that wait to be fetched.", held.blocks) +
    series(
      "sim:kv_fetched_requests_total",
      "counter",
      "Requests whose KV blocks another server fetched.",
      held.fetched,
    ) +
    series("sim:kv_failed_fetches_total", "counter", "Fetches of KV blocks that failed.", failed)
  );
}
