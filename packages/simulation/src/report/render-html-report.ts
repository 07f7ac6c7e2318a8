import type { ReplayReport } from "./replay-report.ts";

export function renderHtmlReport(_report: ReplayReport): string {
  return "";
}
