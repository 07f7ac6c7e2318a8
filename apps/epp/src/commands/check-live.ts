import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { createHeaderList } from "@pointsman/ext-proc";
import { KvCacheUsage, RunningRequests, ServedModels, WaitingRequests } from "@pointsman/plugin-api/keys";
import { describeDecision } from "@pointsman/scheduling";
import type { Epp } from "../epp.ts";

/** What is known of one endpoint after watching it for a while. */
export interface LiveEndpoint {
  readonly endpoint: string;
  readonly address: string;
  /** False when it refuses connections. */
  readonly reachable: boolean;
  readonly models: readonly string[];
  /** Standard metrics that were never seen, or are too old. */
  readonly missing: readonly string[];
  /** Age of the oldest standard metric that is known, in milliseconds, and the age at which it stops counting. */
  readonly oldestMs: number | null;
  readonly maxAgeMs: number;
}

export interface LiveReport {
  readonly watchedMs: number;
  readonly endpoints: readonly LiveEndpoint[];
  /** Scorers that gave every endpoint the same score in every trial: they decide nothing. */
  readonly constantScorers: readonly string[];
  /** Scorers that abstained in every trial: their data never came. */
  readonly silentScorers: readonly string[];
  readonly problems: readonly string[];
}

const TRIAL_INTERVAL_MS = 100;
const standard = [WaitingRequests, RunningRequests, KvCacheUsage];

/** Watches a running picker for a while: scrapes are real, trial requests are scheduled but never sent anywhere. */
export async function checkLive(epp: Epp, watchMs: number): Promise<LiveReport> {
  const seen = new Map<string, { low: number; high: number; spoke: boolean }>();
  const until = Date.now() + watchMs;
  while (Date.now() < until) {
    await setTimeout(TRIAL_INTERVAL_MS);
    await runTrial(epp, seen);
  }
  const snapshot = epp.datastore.snapshot();
  const endpoints = snapshot.endpoints.map((endpoint, row): LiveEndpoint => {
    const ages = standard.flatMap((attribute) => endpoint.ageMs(attribute) ?? []);
    return {
      endpoint: endpoint.id,
      address: endpoint.address,
      reachable: snapshot.ready[row] === 1 && ages.length > 0,
      models: [...(endpoint.get(ServedModels) ?? [])],
      missing: standard.filter((attribute) => endpoint.get(attribute) === undefined).map(({ id }) => id),
      oldestMs: ages.length === 0 ? null : Math.max(...ages),
      maxAgeMs: WaitingRequests.maxAgeMs,
    };
  });
  const names = [...seen];
  const constantScorers = names.filter(([, { low, high, spoke }]) => spoke && low === high).map(([name]) => name);
  const silentScorers = names.filter(([, { spoke }]) => !spoke).map(([name]) => name);
  return {
    watchedMs: watchMs,
    endpoints,
    constantScorers: endpoints.length > 1 ? constantScorers : [],
    silentScorers,
    problems: problemsOf(endpoints, silentScorers),
  };
}

async function runTrial(epp: Epp, seen: Map<string, { low: number; high: number; spoke: boolean }>): Promise<void> {
  const id = `check-${randomUUID()}`;
  const model = epp.datastore.snapshot().endpoints.flatMap((endpoint) => [...(endpoint.get(ServedModels) ?? [])])[0];
  const body = Buffer.from(JSON.stringify({ model: model ?? "check", prompt: "pointsman check" }));
  const exchange = epp.openExchange();
  const headers = createHeaderList([
    [":method", "POST"],
    [":path", "/v1/completions"],
    ["x-request-id", id],
  ]);
  await exchange.route({
    headers,
    body,
    bodyState: "complete",
    subset: undefined,
    metadata: () => undefined,
    observability: true,
  });
  const record = epp.decisions.find(id)[0];
  exchange.end({
    phase: "decided",
    responseStarted: false,
    responseEnded: false,
    rejected: false,
    evicted: false,
    served: undefined,
    cancelled: false,
    fault: undefined,
  });
  if (record?.decision === undefined) return;
  for (const profile of describeDecision(record.decision, record.addresses).profiles) {
    for (const { scores } of profile.candidates) {
      for (const { scorer, score } of scores) {
        const range = seen.get(scorer) ?? {
          low: Number.POSITIVE_INFINITY,
          high: Number.NEGATIVE_INFINITY,
          spoke: false,
        };
        seen.set(scorer, range);
        if (score === null) continue;
        range.spoke = true;
        range.low = Math.min(range.low, score);
        range.high = Math.max(range.high, score);
      }
    }
  }
}

function problemsOf(endpoints: readonly LiveEndpoint[], silentScorers: readonly string[]): string[] {
  const problems: string[] = [];
  if (endpoints.length === 0) problems.push("discovery names no endpoints");
  for (const { endpoint, address, reachable, missing, oldestMs, maxAgeMs } of endpoints) {
    if (!reachable) problems.push(`${endpoint} (${address}) could not be scraped`);
    else if (missing.length > 0) problems.push(`${endpoint} (${address}) does not report ${missing.join(", ")}`);
    else if (oldestMs !== null && oldestMs > maxAgeMs) {
      problems.push(`${endpoint} (${address}): data is ${oldestMs} ms old, more than ${maxAgeMs} ms is not used`);
    }
  }
  for (const scorer of silentScorers) problems.push(`${scorer} never had the data it needs`);
  return problems;
}

export function renderLive(report: LiveReport): string {
  const lines = report.endpoints.map(({ endpoint, address, reachable, models, missing, oldestMs }) => {
    const state = reachable ? `data ${oldestMs} ms old` : "not reachable";
    const lacks = missing.length === 0 ? "" : `, lacks ${missing.join(", ")}`;
    return `  ${endpoint}  ${address}  ${state}${lacks}, serves ${models.join(", ") || "unknown models"}`;
  });
  const constant = report.constantScorers.map(
    (name) => `note: ${name} gave every endpoint the same score all the time`,
  );
  const problems = report.problems.map((problem) => `problem: ${problem}`);
  return `${[`endpoints, watched for ${report.watchedMs} ms:`, ...lines, ...constant, ...problems].join("\n")}\n`;
}
