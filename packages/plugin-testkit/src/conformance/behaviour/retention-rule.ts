import { setTimeout } from "node:timers/promises";
import type { Candidates, RequestView } from "@pointsman/plugin-api";
import fc from "fast-check";
import { createChoice } from "../../host/collected-choice.ts";
import type { PluginUnderTest } from "../../set-up-plugin.ts";
import type { TestPool } from "../../test-pool.ts";
import { combine, failed, passed, type Verdict } from "../report.ts";
import { arbitrarySample, type Sample, type Subject, withInstances } from "../subject.ts";
import {
  type Buffers,
  call,
  createBuffers,
  isPromise,
  requestOf,
  type VoterKind,
  voterKinds,
  withSample,
} from "./ask.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { createProbe } from "./probe.ts";

/** Values that no plugin writes by itself; a buffer that has them is unchanged since the call. */
const SENTINEL = { keep: 0xa5, scores: -7.25, totals: -8.5, ranked: 0xdead } as const;
const bufferNames = ["keep", "scores", "totals", "ranked"] as const;

/** One call and what can be seen of it later. */
interface Trail {
  /** What happened to its arguments after the call; undefined = nothing. */
  misuse(): string | undefined;
  /** Lets go of the arguments. */
  drop(): void;
  /** What is still held by somebody after {@link drop} and a collection. */
  held(): string | undefined;
}

export async function noRetainedReferences(subject: Subject): Promise<Verdict> {
  const samples = fc.sample(arbitrarySample(subject, "all"), { seed: subject.options.seed, numRuns: 6 });
  // With few candidates a plugin may take a short cut.
  const [first, second] = samples.sort((a, b) => b.endpoints.length - a.endpoints.length);
  const verdicts: Verdict[] = [];
  for (const kind of voterKinds) {
    const found = await withInstances(
      subject,
      (capabilities) => capabilities[kind] !== undefined,
      (config) =>
        withSample(subject, config, first!, (instance, pool) => watchCalls(kind, instance, pool, [first!, second!])),
    );
    verdicts.push(...found.filter((verdict) => verdict !== undefined));
  }
  return combine(verdicts, "the type has no filter, scorer or picker");
}

async function watchCalls(
  kind: VoterKind,
  instance: PluginUnderTest,
  pool: TestPool,
  samples: readonly Sample[],
): Promise<Verdict> {
  const trails: Trail[] = [];
  for (const sample of samples) {
    const request = requestOf(sample);
    trails.push(callOnce(kind, instance, pool, request));
    await letTimePass(instance);
    endRequest(instance, pool, request);
    await letTimePass(instance);
  }
  const misuse = trails.map((trail) => trail.misuse()).find((text) => text !== undefined);
  if (misuse !== undefined) return failed(`the ${kind} ${misuse}`);
  for (const trail of trails) trail.drop();
  await collectGarbage();
  const held = trails.map((trail) => trail.held()).find((text) => text !== undefined);
  return held === undefined ? passed : failed(`the ${kind} still holds ${held} after the call`);
}

/** Not asynchronous, so that no suspended frame keeps the arguments alive. */
function callOnce(kind: VoterKind, instance: PluginUnderTest, pool: TestPool, request: RequestView): Trail {
  const list = pool.candidates();
  const probe = createProbe(list);
  const buffers = createBuffers(list.length, 1);
  try {
    const returned = call(kind, instance, request, probe.candidates, buffers);
    if (isPromise(returned)) returned.then(undefined, () => {});
  } catch {
    // `call/no-throw` reports it.
  }
  probe.close();
  for (const name of bufferNames) buffers[name].fill(SENTINEL[name]);
  const weak = weakReferences(probe.candidates, buffers);
  const late = probe.late;
  let own: Buffers | undefined = buffers;
  return {
    misuse() {
      const touched = bufferNames.find((name) => own?.[name].some((value: number) => value !== SENTINEL[name]));
      if (touched !== undefined) return `wrote into \`${touched}\` after the call had returned`;
      const used = late();
      return used === undefined ? undefined : `used ${used} after the call had returned`;
    },
    drop() {
      own = undefined;
    },
    held: () => [...weak].find(([, reference]) => reference.deref() !== undefined)?.[0],
  };
}

/** In a function of its own: a closure in the caller would keep alive what it refers to. */
function weakReferences(candidates: Candidates, buffers: Buffers): ReadonlyMap<string, WeakRef<object>> {
  const weak = new Map<string, WeakRef<object>>([["the candidates", new WeakRef(candidates)]]);
  for (let i = 0; i < buffers.keep.length; i += 1) weak.set(`candidates[${i}]`, new WeakRef(elementOf(candidates, i)));
  for (const name of bufferNames) weak.set(`the array \`${name}\``, new WeakRef<object>(buffers[name]));
  return weak;
}

/** Reads an element without the probe noting it: it watches reads, not descriptors. */
function elementOf(candidates: object, i: number): object {
  return Object.getOwnPropertyDescriptor(candidates, String(i))!.value as object;
}

/** Turns of the event loop, timers of the plugin's own, and those of the test's clock. */
async function letTimePass({ services }: PluginUnderTest): Promise<void> {
  await setTimeout(15);
  await services.advance(120_000);
}

/** The hooks that follow, in which a plugin may use what it kept. */
function endRequest(instance: PluginUnderTest, pool: TestPool, request: RequestView): void {
  const served = pool.candidates()[0]!;
  const { choice } = createChoice([served], "default", ["default"], () => ({ profile: "default", picked: [served] }));
  try {
    instance.postChoice?.(request, choice);
    instance.afterResponse?.(request, { outcome: "ended", served, status: 200, usage: undefined, durationMs: 1 });
  } catch {
    // The rules about hooks report it.
  }
}
