import type { Completion, RequestView } from "@pointsman/plugin-api";
import fc from "fast-check";
import { createChoice } from "../../host/collected-choice.ts";
import type { PluginUnderTest } from "../../set-up-plugin.ts";
import type { TestPool } from "../../test-pool.ts";
import { combine, failed, passed, type Verdict } from "../report.ts";
import { arbitrarySample, type Sample, type Subject, withInstances } from "../subject.ts";
import { requestOf, withSample } from "./ask.ts";
import { textOf } from "./check-property.ts";

const hookNames = ["preCall", "postChoice", "responseHeaders", "responseChunk", "afterResponse"] as const;
type HookName = (typeof hookNames)[number];

const usage = { promptTokens: 12, completionTokens: 30, totalTokens: 42, cachedTokens: undefined };

export function hooksTwice(subject: Subject): Promise<Verdict> {
  return eachHooked(subject, async (instance, pool, sample) => {
    const request = requestOf(sample);
    const served = pool.candidates()[0]!;
    const completion: Completion = { outcome: "ended", served, status: 200, usage, durationMs: 3 };
    for (const hook of hookNames) {
      for (const time of ["first", "second"]) {
        const threw = await run(hook, instance, pool, request, completion);
        if (threw !== undefined) return failed(`${hook} threw at the ${time} call for one request: ${threw}`);
      }
    }
    const below = negativeCounter(subject, pool);
    return below === undefined ? passed : failed(`after afterResponse had run twice, ${below}`);
  });
}

export function hooksWithoutChoice(subject: Subject): Promise<Verdict> {
  return eachHooked(subject, async (instance, pool, sample) => {
    const endpoint = pool.candidates()[0]!;
    for (const outcome of ["rejected", "unrouted", "unknown", "ended"] as const) {
      for (const served of [undefined, endpoint]) {
        const request = requestOf(sample);
        const completion: Completion = { outcome, served, status: undefined, usage: undefined, durationMs: 1 };
        const threw =
          (await run("preCall", instance, pool, request, completion)) ??
          (await run("afterResponse", instance, pool, request, completion));
        const answered = served === undefined ? "and nobody answered" : "although an endpoint answered";
        if (threw !== undefined) {
          return failed(
            `a hook threw for a request without postChoice, with the outcome "${outcome}" ${answered}: ${threw}`,
          );
        }
        const below = negativeCounter(subject, pool);
        if (below !== undefined)
          return failed(`after a request without postChoice and the outcome "${outcome}", ${below}`);
      }
    }
    return passed;
  });
}

async function eachHooked(
  subject: Subject,
  test: (instance: PluginUnderTest, pool: TestPool, sample: Sample) => Promise<Verdict>,
): Promise<Verdict> {
  const samples = fc.sample(arbitrarySample(subject), { seed: subject.options.seed, numRuns: 5 });
  const verdicts = await withInstances(
    subject,
    (capabilities) => hookNames.some((hook) => capabilities[hook] !== undefined),
    async (config) => {
      for (const sample of samples) {
        const verdict = await withSample(subject, config, sample, (instance, pool) => test(instance, pool, sample));
        if (verdict?.status === "failed") return verdict;
      }
      return passed;
    },
  );
  return combine(verdicts, "the type has no hooks");
}

/** Runs one hook as the host would; resolves with what it threw. */
async function run(
  hook: HookName,
  instance: PluginUnderTest,
  pool: TestPool,
  request: RequestView,
  completion: Completion,
): Promise<string | undefined> {
  const picked = pool.candidates()[0]!;
  try {
    if (hook === "preCall") {
      await instance.preCall?.(request, { setPriority: () => {}, setTenant: () => {}, setTargetModel: () => {} });
    } else if (hook === "postChoice") {
      const { choice } = createChoice([picked], "default", ["default"], () => ({
        profile: "default",
        picked: [picked],
      }));
      await instance.postChoice?.(request, choice);
    } else if (hook === "responseHeaders") {
      const { served, status } = completion;
      await instance.responseHeaders?.(request, { status, served, header: () => undefined, setHeader: () => {} });
    } else if (hook === "responseChunk") await instance.responseChunk?.(request, Buffer.from("data: {}\n\n"), true);
    else await instance.afterResponse?.(request, completion);
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

/** A count that the type publishes and that has fallen below zero. */
function negativeCounter({ keys }: Subject, pool: TestPool): string | undefined {
  for (const attribute of keys.writes) {
    if (attribute.$$type !== "pointsman/attribute" || attribute.kind !== "f64") continue;
    for (const endpoint of pool.datastore.snapshot().endpoints) {
      const value = endpoint.get(attribute);
      if (typeof value === "number" && value < 0) return `${attribute.id} of ${endpoint.name} is ${value}`;
    }
  }
  return undefined;
}
