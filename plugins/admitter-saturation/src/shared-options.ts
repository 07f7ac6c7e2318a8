import type { Logger } from "@pointsman/plugin-api";
import { z } from "zod";

export const headroomOption = z
  .number()
  .nonnegative()
  .default(0)
  .describe("As a filter: share by which one endpoint may exceed the limits, 0.2 = 20 %. Saturation ignores it.");

export const retryAfterMsOption = z
  .number()
  .int()
  .nonnegative()
  .default(1_000)
  .describe("Milliseconds after which a refused client should try again; sent as `Retry-After` in whole seconds.");

/** Says so when a headroom looks like a percentage. */
export function warnAboutHeadroom(headroom: number, log: Logger): void {
  if (headroom <= 1) return;
  log.warn(
    `headroom is a share, not a percentage: ${headroom} lets endpoints exceed the limits by ${headroom * 100} %`,
  );
}
