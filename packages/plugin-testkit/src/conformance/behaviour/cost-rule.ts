import { performance } from "node:perf_hooks";
import fc from "fast-check";
import { arbitraryEndpoints } from "../../arbitrary/arbitrary-pool.ts";
import { combine, type Measurement, type Verdict } from "../report.ts";
import { attributesRead, type Subject, withInstances } from "../subject.ts";
import { call, createBuffers, requestOf, voterKinds, withSample } from "./ask.ts";

const ENDPOINTS = 1_000;
const WARM_UP = 50;
const CALLS = 300;

/** Measures each filter, scorer and picker with 1 000 endpoints of which everything is known. */
export async function cost(subject: Subject, measured: (measurement: Measurement) => void): Promise<Verdict> {
  const attributes = attributesRead(subject);
  const pools = arbitraryEndpoints({ attributes, min: ENDPOINTS, max: ENDPOINTS, known: "all" });
  const [endpoints] = fc.sample(pools, { seed: subject.options.seed, numRuns: 1 });
  const sample = { request: {}, endpoints: endpoints!, random: 1 };
  const verdicts: Verdict[] = [];
  for (const kind of voterKinds) {
    const found = await withInstances(
      subject,
      (capabilities) => capabilities[kind] !== undefined,
      (config) =>
        withSample(subject, config, sample, (instance, pool): Verdict => {
          const candidates = pool.candidates();
          const request = requestOf(sample);
          const times: number[] = [];
          for (let i = 0; i < WARM_UP + CALLS; i += 1) {
            const buffers = createBuffers(ENDPOINTS, i);
            const started = performance.now();
            try {
              call(kind, instance, request, candidates, buffers);
            } catch {
              return { status: "skipped", message: "the call throws" };
            }
            if (i >= WARM_UP) times.push((performance.now() - started) * 1_000);
          }
          times.sort((a, b) => a - b);
          const [p50Us, p99Us] = [times[Math.floor(CALLS * 0.5)]!, times[Math.floor(CALLS * 0.99)]!].map(rounded);
          measured({ type: subject.type, capability: kind, endpoints: ENDPOINTS, p50Us: p50Us!, p99Us: p99Us! });
          return { status: "passed", message: `${kind}: ${p50Us} µs for 1 000 endpoints (99 %: ${p99Us} µs)` };
        }),
    );
    // The first config is measured: the others differ in numbers only.
    verdicts.push(...found.slice(0, 1).filter((verdict) => verdict !== undefined));
  }
  if (verdicts.every(({ status }) => status === "passed") && verdicts.length > 1) {
    return {
      status: "passed",
      message: verdicts.map((verdict) => ("message" in verdict ? verdict.message : "")).join("\n"),
    };
  }
  return combine(verdicts, "the type has no filter, scorer or picker");
}

function rounded(us: number): number {
  return Math.round(us * 10) / 10;
}
