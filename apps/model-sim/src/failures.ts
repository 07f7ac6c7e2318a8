import { createRandom } from "./engine/random.ts";
import { ApiError } from "./formats/api-error.ts";
import { type JsonObject, optionalInteger, optionalNumber, requireString, wrongType } from "./formats/json-fields.ts";

const inferenceModes = ["status", "reset-before-headers", "reset-mid-stream", "hang", "slow", "garbage-sse"] as const;
const metricsModes = ["metrics-garbage", "metrics-huge", "metrics-hang"] as const;
const transferModes = ["transfer-reset", "transfer-hang"] as const;
const allModes = [...inferenceModes, ...metricsModes, ...transferModes] as const;

export type InferenceFailureMode = (typeof inferenceModes)[number];
export type MetricsFailureMode = (typeof metricsModes)[number];
export type TransferFailureMode = (typeof transferModes)[number];

/** A failure that is switched on, for inference requests, for `/metrics` or for transfers, as the mode says. */
export interface Failure {
  /**
   * - `status`: an error answer with `status`;
   * - `reset-before-headers`: the connection is reset when the request has been read;
   * - `reset-mid-stream`: it is reset behind the first two tokens, or behind half of an answer that is not streamed;
   * - `hang`: no answer, for as long as the client stays;
   * - `slow`: the first token comes `delayMs` later;
   * - `garbage-sse`: status 200, then bytes that are no events, or no JSON;
   * - `metrics-garbage`: a page that does not parse; `metrics-huge`: one of 50 MB; `metrics-hang`: none at all;
   * - `transfer-reset`, `transfer-hang`: what another server asks for KV blocks gets a reset, or no answer.
   */
  readonly mode: InferenceFailureMode | MetricsFailureMode | TransferFailureMode;
  /** 400 to 599, default 503. */
  readonly status?: number;
  /** Fails so many requests, then never again; without it there is no end. */
  readonly count?: number;
  /** Share of requests that fail, 0 to 1, default 1. */
  readonly probability?: number;
  /** Milliseconds, default 1000. */
  readonly delayMs?: number;
}

/** A failure with its defaults filled in. */
export interface DueFailure<Mode> {
  readonly mode: Mode;
  readonly status: number;
  readonly delayMs: number;
}

/** Decides which requests fail. */
export interface Failures {
  /** The failure that is switched on, with what is left of its count. */
  readonly current: Failure | undefined;
  /** Replaces the failure; undefined switches it off. @throws {ApiError} 400 when a field cannot be used */
  set(failure: Failure | undefined): void;
  /** Whether this inference request fails, and how. Counts it if it does. */
  takeForInference(): DueFailure<InferenceFailureMode> | undefined;
  takeForMetrics(): DueFailure<MetricsFailureMode> | undefined;
  takeForTransfer(): DueFailure<TransferFailureMode> | undefined;
}

/** @param failRate share of inference requests that get status 500 while no other failure concerns them */
export function createFailures(seed: number, failRate: number): Failures {
  const random = createRandom(seed ^ 0x5eed);
  let current: Failure | undefined;
  let left = 0;

  function take<Mode extends Failure["mode"]>(modes: readonly Mode[]): DueFailure<Mode> | undefined {
    if (current === undefined) return undefined;
    const mode = modes.find((candidate) => candidate === current?.mode);
    if (mode === undefined || random() >= (current.probability ?? 1)) return undefined;
    const due = { mode, status: current.status ?? 503, delayMs: current.delayMs ?? 1000 };
    left--;
    if (left <= 0) current = undefined;
    return due;
  }

  return {
    get current() {
      return current === undefined || left === Number.POSITIVE_INFINITY ? current : { ...current, count: left };
    },
    set(failure) {
      current = failure === undefined ? undefined : parseFailure({ ...failure });
      left = current?.count ?? Number.POSITIVE_INFINITY;
    },
    takeForInference() {
      const due = take(inferenceModes);
      if (due !== undefined) return due;
      return failRate > 0 && random() < failRate ? { mode: "status", status: 500, delayMs: 0 } : undefined;
    },
    takeForMetrics: () => take(metricsModes),
    takeForTransfer: () => take(transferModes),
  };
}

/**
 * Reads the body of `POST /sim/failure`.
 *
 * @returns undefined for the mode `none`
 * @throws {ApiError} 400 when the mode is unknown or a field is out of range
 */
export function parseFailure(body: JsonObject): Failure | undefined {
  const known = ["mode", "status", "count", "probability", "delayMs"];
  const unknown = Object.keys(body).find((field) => !known.includes(field));
  if (unknown !== undefined) throw new ApiError(400, `\`${unknown}\` is not one of ${known.join(", ")}.`, unknown);
  const text = requireString(body, "mode");
  const status = optionalInteger(body, "status", 400, 599);
  const count = optionalInteger(body, "count", 1, Number.MAX_SAFE_INTEGER);
  const probability = optionalNumber(body, "probability", 0, 1);
  const delayMs = optionalNumber(body, "delayMs", 0, 3_600_000);
  if (text === "none") return undefined;
  const mode = allModes.find((candidate) => candidate === text);
  if (mode === undefined) throw wrongType("mode", `one of ${[...allModes, "none"].join(", ")}`);
  return {
    mode,
    ...(status !== undefined && { status }),
    ...(count !== undefined && { count }),
    ...(probability !== undefined && { probability }),
    ...(delayMs !== undefined && { delayMs }),
  };
}
