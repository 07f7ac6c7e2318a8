import type { Capabilities, RequestView } from "@pointsman/plugin-api";
import type { CandidateList } from "@pointsman/scheduling";
import fc from "fast-check";
import { createChoice } from "../../host/collected-choice.ts";
import type { PluginUnderTest } from "../../set-up-plugin.ts";
import { combine, failed, passed, skipped, type Verdict } from "../report.ts";
import { arbitrarySample, attributesRead, type Sample, type Subject, withInstances } from "../subject.ts";
import { ask, isPromise, requestOf, voterKinds, withSample } from "./ask.ts";
import { checkProperty, describeSample, textOf } from "./check-property.ts";
import { runHandler } from "./handler-run.ts";

/** One call of one synchronous capability. */
interface NamedCall {
  readonly name: string;
  run(): unknown;
}

/** The calls that decide about a request. */
function decidingCalls(
  capabilities: Capabilities,
  request: RequestView,
  candidates: CandidateList,
  profiles: readonly string[],
): NamedCall[] {
  const calls: NamedCall[] = voterKinds
    .filter((kind) => capabilities[kind] !== undefined)
    .map((kind) => ({
      name: kind,
      run() {
        const answer = ask(kind, capabilities, request, candidates);
        if (answer.threw !== undefined) throw answer.threw;
        return answer.returned;
      },
    }));
  const { admitter, decider, profileHandler } = capabilities;
  if (admitter !== undefined) calls.push({ name: "admitter", run: () => admitter.admit(request, candidates) });
  if (admitter?.saturation !== undefined) {
    calls.push({ name: "admitter's saturation()", run: () => admitter.saturation?.(candidates) });
  }
  const first = candidates[0];
  if (decider !== undefined && first !== undefined) {
    calls.push({ name: "decider", run: () => decider.decide(request, first) });
  }
  if (profileHandler !== undefined) {
    calls.push({
      name: "profileHandler",
      run: () => runHandler(profileHandler, request, candidates, profiles).returned,
    });
  }
  return calls;
}

/** The other calls that must be synchronous. */
function followingCalls(capabilities: Capabilities, request: RequestView, candidates: CandidateList): NamedCall[] {
  const calls: NamedCall[] = [];
  const { extractor, parser, postChoice, responseHeaders, responseChunk, afterResponse } = capabilities;
  const served = candidates[0]!;
  const { choice } = createChoice([served], "default", ["default"], () => ({ profile: "default", picked: [served] }));
  if (extractor !== undefined) {
    const payload = { format: extractor.accepts[0] ?? "", body: Buffer.from("") };
    calls.push({ name: "extractor", run: () => extractor.extract(served, payload, { set: () => {} }) });
  }
  if (parser !== undefined) {
    const input = { method: "POST", path: "/v1/completions", header: () => undefined, body: Buffer.from("{}") };
    calls.push({ name: "parser", run: () => parser.parse(input) });
  }
  const headers = { status: 200, served, header: () => undefined, setHeader: () => {} };
  const completion = { outcome: "ended", served, status: 200, usage: undefined, durationMs: 1 } as const;
  if (postChoice) calls.push({ name: "postChoice", run: () => postChoice.call(capabilities, request, choice) });
  if (responseHeaders)
    calls.push({ name: "responseHeaders", run: () => responseHeaders.call(capabilities, request, headers) });
  if (responseChunk)
    calls.push({ name: "responseChunk", run: () => responseChunk.call(capabilities, request, Buffer.from("x"), true) });
  if (afterResponse)
    calls.push({ name: "afterResponse", run: () => afterResponse.call(capabilities, request, completion) });
  return calls;
}

function profilesOf(subject: Subject): readonly string[] {
  return subject.options.profiles ?? ["default"];
}

export async function synchronous(subject: Subject): Promise<Verdict> {
  const [sample] = fc.sample(arbitrarySample(subject, "all"), { seed: subject.options.seed, numRuns: 1 });
  let asked = 0;
  const verdicts = await withInstances(
    subject,
    () => true,
    (config) =>
      withSample(subject, config, sample!, async (instance, pool) => {
        const candidates = pool.candidates();
        const request = requestOf(sample!);
        const calls = [
          ...decidingCalls(instance, request, candidates, profilesOf(subject)),
          ...followingCalls(instance, request, candidates),
        ];
        asked += calls.length;
        for (const { name, run } of calls) {
          let returned: unknown;
          try {
            returned = run();
          } catch {
            continue;
          }
          if (!isPromise(returned)) continue;
          returned.then(undefined, () => {});
          return failed(`the ${name} returned a promise`);
        }
        return passed;
      }),
  );
  if (asked === 0) return skipped("the type has no synchronous capability");
  return combine(
    verdicts.filter((verdict) => verdict !== undefined),
    "there is no config to set it up with",
  );
}

export function noThrow(subject: Subject): Promise<Verdict> {
  return eachSample(subject, (instance, candidates, request) => {
    for (const { name, run } of decidingCalls(instance, request, candidates, profilesOf(subject))) {
      try {
        const returned = run();
        if (isPromise(returned)) returned.then(undefined, () => {});
      } catch (error) {
        return `the ${name} threw ${textOf(error)}`;
      }
    }
    return undefined;
  });
}

export function noMutation(subject: Subject): Promise<Verdict> {
  const columns = attributesRead(subject).filter(({ kind }) => kind === "f64");
  return eachSample(subject, (instance, candidates, request) => {
    const state = (): Readonly<Record<string, string>> => ({
      "the request's body": request.body === undefined ? "" : Buffer.from(request.body).toString("latin1"),
      "the request's json()": JSON.stringify(request.json()) ?? "",
      "the request's prompt": JSON.stringify([request.prompt.tokenIds, request.prompt.parts.map((part) => [...part])]),
      "the request's priority or tenant": `${request.priority} ${request.tenant}`,
      "the labels of an endpoint": JSON.stringify(candidates.map(({ labels }) => labels)),
      ...Object.fromEntries(
        columns.map((column) => [`the column ${column.id}`, candidates.column(column as never).join()]),
      ),
    });
    const before = state();
    for (const { name, run } of decidingCalls(instance, request, candidates, profilesOf(subject))) {
      try {
        const returned = run();
        if (isPromise(returned)) returned.then(undefined, () => {});
      } catch {
        // `call/no-throw` reports it.
      }
      const after = state();
      const changed = Object.keys(before).find((what) => before[what] !== after[what]);
      if (changed !== undefined) return `the ${name} changed ${changed}`;
    }
    return undefined;
  });
}

/** Tries a property of all deciding calls of an instance. */
async function eachSample(
  subject: Subject,
  test: (instance: PluginUnderTest, candidates: CandidateList, request: RequestView) => string | undefined,
): Promise<Verdict> {
  const decides = ({ filter, scorer, picker, admitter, decider, profileHandler }: Capabilities): boolean =>
    (filter ?? scorer ?? picker ?? admitter ?? decider ?? profileHandler) !== undefined;
  const verdicts = await withInstances(subject, decides, (config) =>
    checkProperty(
      arbitrarySample(subject),
      subject,
      (sample: Sample) =>
        withSample(subject, config, sample, (instance, pool) => test(instance, pool.candidates(), requestOf(sample))),
      describeSample,
    ),
  );
  return combine(verdicts, "the type decides nothing about requests");
}
