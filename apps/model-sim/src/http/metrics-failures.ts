import type { ServerResponse } from "node:http";
import type { MetricsFailureMode } from "../failures.ts";
import { sendText } from "./answers.ts";

/** The type of a page in the Prometheus text format. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

const hugePageBytes = 50 * 1024 * 1024;
const pieceBytes = 64 * 1024;

/** Answers a scrape as the mode says; `metrics-hang` never answers. */
export function failMetrics(mode: MetricsFailureMode, response: ServerResponse): void {
  if (mode === "metrics-garbage") sendText(response, 200, metricsContentType, garbagePage());
  if (mode === "metrics-huge") sendHugePage(response);
}

function garbagePage(): Buffer {
  const lines = [
    "# TYPE vllm:num_requests_waiting gauge gauge",
    'vllm:num_requests_waiting{engine="0",model_name=} NaN NaN NaN',
    'vllm:kv_cache_usage_perc{engine="0 0.5',
    "vllm:num_requests_running{} banana",
    "{}}{ 1",
    "",
  ];
  return Buffer.concat([Buffer.from(lines.join("\n")), Buffer.from([0x00, 0xff, 0xfe, 0xc3, 0x28, 0x0a])]);
}

/** Writes as fast as the client reads, and stops when it has gone. */
function sendHugePage(response: ServerResponse): void {
  response.writeHead(200, { "content-type": metricsContentType });
  let sent = 0;
  const proceed = (): void => {
    while (sent < hugePageBytes && !response.destroyed) {
      const piece = hugePiece(sent);
      sent += piece.length;
      if (!response.write(piece)) return;
    }
    if (!response.destroyed) response.end();
  };
  response.on("drain", proceed);
  proceed();
}

function hugePiece(offset: number): string {
  let piece = "";
  for (let row = 0; piece.length < pieceBytes; row++) {
    piece += `vllm:padding_seconds_bucket{engine="0",model_name="m${offset}",le="${row}.0"} ${row}.0\n`;
  }
  return piece;
}
