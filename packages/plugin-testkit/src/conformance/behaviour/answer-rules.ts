import type { ParsedRequest, Parser, Refusal } from "@pointsman/plugin-api";
import fc from "fast-check";
import type { PluginUnderTest } from "../../set-up-plugin.ts";
import type { TestPool } from "../../test-pool.ts";
import { combine, failed, lacking, type Verdict } from "../report.ts";
import { arbitrarySample, type Sample, type Subject, withInstances } from "../subject.ts";
import { isPromise, requestOf, withSample } from "./ask.ts";
import { checkProperty, describeSample, describeValue, textOf } from "./check-property.ts";
import { runHandler } from "./handler-run.ts";

export function deciderAnswer(subject: Subject): Promise<Verdict> {
  return eachAnswer(subject, "decider", (instance, pool, sample) => {
    const about = [requestOf(sample), pool.candidates()[0]] as const;
    const answer: unknown = instance.decider?.decide(...about);
    if (typeof answer !== "boolean" && !isPromise(answer)) return `the decider answered ${describeValue(answer)}`;
    const reason: unknown = instance.decider?.explain?.(...about) ?? "";
    return typeof reason === "string" ? undefined : `the decider explained itself with ${describeValue(reason)}`;
  });
}

export async function handlerEnds(subject: Subject): Promise<Verdict> {
  const profiles = subject.options.profiles ?? ["default"];
  const refused = await withInstances(
    subject,
    ({ profileHandler }) => profileHandler !== undefined,
    (_config, { profileHandler }) => profileHandler?.check?.(profiles),
  );
  const reason = refused.find((text) => text !== undefined);
  if (reason !== undefined) {
    const finding = `check() refuses the profiles ${profiles.join(", ")}: ${reason}`;
    return subject.options.profiles === undefined
      ? lacking(`${finding}; give \`profiles\` it accepts`)
      : failed(finding);
  }
  return eachAnswer(
    subject,
    "profileHandler",
    (instance, pool, sample) =>
      runHandler(instance.profileHandler!, requestOf(sample), pool.candidates(), profiles).finding,
  );
}

export function admitterAnswer(subject: Subject): Promise<Verdict> {
  return eachAnswer(subject, "admitter", (instance, pool, sample) => {
    const candidates = pool.candidates();
    const answer: Refusal | undefined | null = instance.admitter?.admit(requestOf(sample), candidates);
    if (answer !== undefined && !isPromise(answer)) {
      if (typeof answer !== "object" || answer === null) return `the admitter answered ${describeValue(answer)}`;
      const { status, code, message } = answer;
      if (!Number.isInteger(status) || status < 400 || status > 599)
        return `the admitter refused with status ${String(status)}`;
      if (typeof code !== "string" || typeof message !== "string")
        return "the admitter refused without code or message";
    }
    const saturation: unknown = instance.admitter?.saturation?.(candidates) ?? 0;
    return (typeof saturation === "number" && saturation >= 0) || isPromise(saturation)
      ? undefined
      : `saturation() measured ${describeValue(saturation)}`;
  });
}

async function eachAnswer(
  subject: Subject,
  kind: "decider" | "admitter" | "profileHandler",
  test: (instance: PluginUnderTest, pool: TestPool, sample: Sample) => string | undefined,
): Promise<Verdict> {
  const verdicts = await withInstances(
    subject,
    (capabilities) => capabilities[kind] !== undefined,
    (config) =>
      checkProperty(
        arbitrarySample(subject),
        subject,
        (sample) =>
          withSample(subject, config, sample, (instance, pool) => {
            try {
              return test(instance, pool, sample);
            } catch {
              // `call/no-throw` reports it.
              return undefined;
            }
          }),
        describeSample,
      ),
  );
  return combine(verdicts, `the type has no ${kind}`);
}

interface ParserCase {
  readonly path: string;
  readonly body: Uint8Array;
  readonly chunks: readonly Uint8Array[];
}

export async function parserAnswer(subject: Subject): Promise<Verdict> {
  const verdicts = await withInstances(
    subject,
    ({ parser }) => parser !== undefined,
    (_config, { parser }) =>
      checkProperty(parserCases(parser!), subject, (given) => tryParser(parser!, given), describeCase),
  );
  return combine(verdicts, "the type has no parser");
}

/** Bodies that are right, cut off, broken, or no text at all, on the paths that the parser claims. */
function parserCases({ claims }: Parser): fc.Arbitrary<ParserCase> {
  const message = fc.record({
    role: fc.constantFrom("user", "system"),
    content: fc.string({ unit: "grapheme", maxLength: 40 }),
  });
  const json = fc.record(
    {
      model: fc.constantFrom("m", "adapter-1"),
      prompt: fc.oneof(fc.string({ unit: "grapheme", maxLength: 60 }), fc.array(fc.nat(50_000), { maxLength: 20 })),
      messages: fc.array(message, { maxLength: 4 }),
      stream: fc.boolean(),
      max_tokens: fc.oneof(fc.nat(4_096), fc.string({ maxLength: 3 })),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    json.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string({ unit: "binary", maxLength: 80 }),
  );
  const body = fc.oneof(
    text.map((value): Uint8Array => Buffer.from(value)),
    fc.tuple(text, fc.nat(60)).map(([value, end]): Uint8Array => Buffer.from(value).subarray(0, end)),
    fc.uint8Array({ maxLength: 80 }),
  );
  const paths = [...claims, "v1/completions"].map((claim) => `/${claim}`);
  const chunks = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 });
  return fc.record({ path: fc.constantFrom(...paths), body, chunks });
}

function tryParser(parser: Parser, { path, body, chunks }: ParserCase): string | undefined {
  const before = Buffer.from(body);
  const changed = (by: string): string | undefined =>
    before.equals(body) ? undefined : `${by} changed the bytes of the body`;
  let parsed: ReturnType<Parser["parse"]>;
  try {
    parsed = parser.parse({ method: "POST", path, header: () => undefined, body });
  } catch (error) {
    return `parse() threw ${textOf(error)}`;
  }
  if (isPromise(parsed)) return undefined;
  if (typeof parsed !== "object" || parsed === null) return `parse() answered ${describeValue(parsed)}`;
  if (changed("parse()") !== undefined) return changed("parse()");
  if ("refused" in parsed) {
    return typeof parsed.refused === "string" ? undefined : "parse() refused without a sentence";
  }
  if (typeof parsed.api !== "string") return "parse() returned no `api`";
  return tryMembers(parser, parsed, body, chunks) ?? changed("rewriteModel() or setField()");
}

function tryMembers(
  parser: Parser,
  parsed: ParsedRequest,
  body: Uint8Array,
  chunks: ParserCase["chunks"],
): string | undefined {
  const steps: readonly (readonly [string, () => unknown])[] = [
    ["rewriteModel()", () => parser.rewriteModel?.(body, parsed, "another") ?? body],
    ["setField()", () => parser.setField?.(body, "extra", 1) ?? body],
    ["errorBody()", () => parser.errorBody?.({ status: 503, code: "x", message: "y" }).body ?? body],
  ];
  for (const [name, run] of steps) {
    try {
      if (!(run() instanceof Uint8Array)) return `${name} did not give bytes`;
    } catch (error) {
      return `${name} threw ${textOf(error)}`;
    }
  }
  try {
    const reader = parser.usageReader?.(parsed, "text/event-stream");
    for (const chunk of chunks) reader?.push(chunk);
    reader?.end();
  } catch (error) {
    return `the usage reader threw ${textOf(error)}`;
  }
  return undefined;
}

function describeCase({ path, body }: ParserCase): string {
  return `POST ${path} and the body ${JSON.stringify(Buffer.from(body).toString("latin1"))}`;
}
