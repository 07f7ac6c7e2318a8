import { combine, skipped, type Verdict } from "../report.ts";
import { arbitrarySample, attributesRead, type Sample, type Subject, withInstances } from "../subject.ts";
import { type Answer, ask, requestOf, type VoterKind, voterKinds, withSample } from "./ask.ts";
import { checkProperty, describeSample } from "./check-property.ts";
import { shuffled, withOtherClock } from "./vary.ts";

const EPSILON = 1e-9;

/** Tries a property of filters, scorers or pickers on every valid config that has one. */
async function eachVoter(
  subject: Subject,
  kinds: readonly VoterKind[],
  test: (kind: VoterKind, config: unknown, sample: Sample) => Promise<string | undefined>,
  known: "some" | "all" = "some",
): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const kind of kinds) {
    const found = await withInstances(
      subject,
      (capabilities) => capabilities[kind] !== undefined,
      (config) =>
        checkProperty(arbitrarySample(subject, known), subject, (sample) => test(kind, config, sample), describeSample),
    );
    verdicts.push(...found);
  }
  return combine(verdicts, `the type has no ${kinds.join(", no ")}`);
}

/** One answer of a fresh instance, with the names of the candidates. */
async function answerOf(
  subject: Subject,
  kind: VoterKind,
  config: unknown,
  sample: Sample,
): Promise<(Answer & { readonly names: readonly string[] }) | undefined> {
  const answer = await withSample(subject, config, sample, (instance, pool) => {
    const candidates = pool.candidates();
    return {
      ...ask(kind, instance, requestOf(sample), candidates, sample.random),
      names: candidates.map(({ name }) => name),
    };
  });
  // A call that throws is reported by `call/no-throw`.
  return answer?.threw === undefined ? answer : undefined;
}

export function filterFlags(subject: Subject): Promise<Verdict> {
  return eachVoter(subject, ["filter"], async (kind, config, sample) => {
    const answer = await answerOf(subject, kind, config, sample);
    const wrong = answer?.values.findIndex((flag) => flag !== 0 && flag !== 1) ?? -1;
    return wrong < 0 ? undefined : `the filter wrote ${answer?.values[wrong]} for ${answer?.names[wrong]}`;
  });
}

export function scorerRange(subject: Subject): Promise<Verdict> {
  return eachVoter(subject, ["scorer"], async (kind, config, sample) => {
    const answer = await answerOf(subject, kind, config, sample);
    const wrong = answer?.values.findIndex((score) => score < -EPSILON || score > 1 + EPSILON) ?? -1;
    return wrong < 0 ? undefined : `the scorer gave ${answer?.values[wrong]} to ${answer?.names[wrong]}`;
  });
}

export async function scorerNanPolicy(subject: Subject): Promise<Verdict> {
  if (attributesRead(subject).length === 0) return skipped("the type reads no attributes");
  return eachVoter(
    subject,
    ["scorer"],
    async (kind, config, sample) => {
      const known = await answerOf(subject, kind, config, sample);
      const stranger = { name: "unknown", host: "192.168.2.1" };
      const mixed = await answerOf(subject, kind, config, { ...sample, endpoints: [...sample.endpoints, stranger] });
      if (known === undefined || mixed === undefined) return undefined;
      const spoilt = known.values.findIndex((score, i) => !Number.isNaN(score) && Number.isNaN(mixed.values[i]!));
      if (spoilt >= 0) {
        return `${known.names[spoilt]} lost its score of ${known.values[spoilt]} to NaN because nothing is known of another endpoint`;
      }
      const own = mixed.values.at(-1)!;
      return Number.isNaN(own) || (own >= -EPSILON && own <= 1 + EPSILON)
        ? undefined
        : `the scorer gave ${own} to an endpoint of which nothing is known`;
    },
    "all",
  );
}

export function orderIndependence(subject: Subject): Promise<Verdict> {
  return eachVoter(subject, ["filter", "scorer"], async (kind, config, given) => {
    const sample = { ...given, random: 0 };
    const fixed: Sample = { ...sample, request: { ...sample.request, random: [0.5] } };
    const first = await answerFixed(subject, kind, config, fixed);
    const order = shuffled(fixed.endpoints, given.random);
    const second = await answerFixed(subject, kind, config, { ...fixed, endpoints: order });
    if (first === undefined || second === undefined) return undefined;
    for (const [i, name] of first.names.entries()) {
      const before = first.values[i]!;
      const after = second.values[second.names.indexOf(name)]!;
      if (same(before, after)) continue;
      return `the ${kind} answered ${before} for ${name}, but ${after} when the candidates stand in another order`;
    }
    return undefined;
  });
}

/** With random numbers that do not depend on how often they are asked for. */
function answerFixed(subject: Subject, kind: VoterKind, config: unknown, sample: Sample) {
  return withSample(subject, config, sample, (instance, pool) => {
    const candidates = pool.candidates();
    const request = Object.assign(requestOf(sample), { random: () => 0.5 });
    const answer = ask(kind, instance, request, candidates);
    return answer.threw === undefined ? { ...answer, names: candidates.map(({ name }) => name) } : undefined;
  });
}

export function determinism(subject: Subject): Promise<Verdict> {
  return eachVoter(subject, voterKinds, async (kind, config, sample) => {
    const first = await withOtherClock({ ahead: 0, dice: 0.05 }, (during) =>
      answerDuring(subject, kind, config, sample, during),
    );
    const second = await withOtherClock({ ahead: 3_600_000, dice: 0.95 }, (during) =>
      answerDuring(subject, kind, config, sample, during),
    );
    if (first === undefined || second === undefined) return undefined;
    const differs = first.values.findIndex((value, i) => !same(value, second.values[i]!));
    if (differs < 0 && first.values.length === second.values.length) return undefined;
    return `the ${kind} answered [${first.values.join(", ")}] and then [${second.values.join(", ")}] to the same request with the same seed`;
  });
}

function answerDuring(
  subject: Subject,
  kind: VoterKind,
  config: unknown,
  sample: Sample,
  during: <Result>(call: () => Result) => Result,
) {
  return withSample(subject, config, sample, (instance, pool) => {
    const candidates = pool.candidates();
    const request = requestOf(sample);
    const answer = during(() => ask(kind, instance, request, candidates, sample.random));
    return answer.threw === undefined ? answer : undefined;
  });
}

export function pickerRanking(subject: Subject): Promise<Verdict> {
  return eachVoter(subject, ["picker"], async (kind, config, sample) => {
    const answer = await answerOf(subject, kind, config, sample);
    if (answer === undefined) return undefined;
    const { returned, values, names } = answer;
    const count = Number(returned);
    if (!Number.isInteger(returned) || count < 1 || count > names.length) {
      return `the picker returned ${String(returned)} for ${names.length} candidates`;
    }
    const stranger = values.find((index) => index >= names.length);
    if (stranger !== undefined) return `the picker named candidate ${stranger} of ${names.length}`;
    const twice = values.find((index, i) => values.indexOf(index) !== i);
    return twice === undefined ? undefined : `the picker named ${names[twice]} twice`;
  });
}

function same(a: number, b: number): boolean {
  return Math.abs(a - b) <= EPSILON || (Number.isNaN(a) && Number.isNaN(b));
}
