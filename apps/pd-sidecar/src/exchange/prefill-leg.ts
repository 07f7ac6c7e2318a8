import type { ConnectorLeg, HostPort, PrefillAnswer } from "@pointsman/plugin-api";
import type { Reservation } from "../admission/buffer-budget.ts";
import type { RawHeaders } from "../http/headers.ts";
import { openJsonBody } from "../http/json-body.ts";
import { Refusal } from "../http/own-answers.ts";
import { BrokenBody, readBody } from "../http/read-body.ts";
import { formatTarget } from "../http/target.ts";
import { type UpstreamAnswer, UpstreamFailure } from "../upstream/upstream-client.ts";
import type { Parts } from "./parts.ts";
import { PrefillFailure } from "./prefill-failure.ts";

/** One token's answer; with log probabilities of a long prompt it may be large. */
const LARGEST_ANSWER = 32 * 1_048_576;

export interface PrefillRequest {
  readonly target: HostPort;
  readonly path: string;
  readonly headers: RawHeaders;
  readonly body: ConnectorLeg["body"];
  readonly anyAnswer: boolean;
  readonly signal: AbortSignal;
  /** Gets what was taken from the budget for the answer. */
  readonly keep: (reserved: Reservation) => void;
}

type Needs = Pick<Parts, "settings" | "clients" | "budget" | "metrics">;

/** The whole leg at one server: attempts, and pauses between them. Rejects with a {@link PrefillFailure} or an abort. */
export async function runPrefill(parts: Needs, request: PrefillRequest): Promise<PrefillAnswer> {
  const { settings, metrics } = parts;
  const began = performance.now();
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await attemptPrefill(parts, request);
      metrics.prefillTook(performance.now() - began);
      return answer;
    } catch (error) {
      if (!(error instanceof PrefillFailure)) throw error;
      metrics.prefillFailed(error.fault);
      if (!error.isPassing || attempt >= settings["prefill-max-retries"]) throw error;
      await pause(settings["prefill-retry-backoff"], request.signal);
      metrics.prefillRetried();
    }
  }
}

async function attemptPrefill({ settings, clients, budget }: Needs, request: PrefillRequest): Promise<PrefillAnswer> {
  const { target, path, headers, body, anyAnswer } = request;
  const limit = new AbortController();
  const timeoutMs = settings["prefill-timeout"];
  const timer = timeoutMs > 0 ? setTimeout(() => limit.abort(), timeoutMs) : undefined;
  try {
    const signal = AbortSignal.any([request.signal, limit.signal]);
    const answer = await clients.prefiller.send(target, { method: "POST", path, headers, body: body.bytes, signal });
    const ok = answer.status >= 200 && answer.status <= 299;
    if (ok && anyAnswer) return await readNothing(answer);
    const { bytes, reserved } = await readBody(answer.body, { maxBytes: LARGEST_ANSWER, budget, copies: 1 });
    request.keep(reserved);
    if (!ok) throw failedStatus(target, answer, bytes);
    const opened = openJsonBody(bytes);
    if ("bytes" in opened) return { body: opened };
    throw new PrefillFailure(
      "garbage",
      400,
      `The answer of the prefill server ${formatTarget(target)} is no JSON object.`,
    );
  } catch (error) {
    throw limit.signal.aborted && !request.signal.aborted ? tooSlow(target, timeoutMs) : described(error, target);
  } finally {
    clearTimeout(timer);
  }
}

async function readNothing({ body }: UpstreamAnswer): Promise<PrefillAnswer> {
  for await (const _ of body);
  return { body: undefined };
}

function failedStatus(target: HostPort, { status, headers }: UpstreamAnswer, body: Uint8Array): PrefillFailure {
  const message = `The prefill server ${formatTarget(target)} answered with status ${status}.`;
  return new PrefillFailure("status", status, message, { headers, body });
}

function tooSlow(target: HostPort, ms: number): PrefillFailure {
  return new PrefillFailure("timeout", 504, `The prefill server ${formatTarget(target)} took more than ${ms} ms.`);
}

function described(error: unknown, target: HostPort): unknown {
  const server = `The prefill server ${formatTarget(target)}`;
  if (error instanceof UpstreamFailure) {
    switch (error.kind) {
      case "refused":
        return new PrefillFailure("refused", 502, `${server} cannot be reached.`);
      case "broken":
        return new PrefillFailure("broken", 502, `${server} closed the connection without an answer.`);
      case "denied":
        return new PrefillFailure("denied", 403, "Forbidden: prefill target not allowed by SSRF protection");
      case "aborted":
        return error;
    }
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof BrokenBody || code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE") {
    return new PrefillFailure("broken", 502, `${server} broke off its answer.`);
  }
  if (error instanceof Refusal && error.status === 413) {
    return new PrefillFailure("too-large", 502, `${server} sent an answer larger than ${LARGEST_ANSWER} bytes.`);
  }
  return error;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new UpstreamFailure("aborted", "the request was abandoned"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
