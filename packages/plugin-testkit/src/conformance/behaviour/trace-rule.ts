import { replayTrace } from "../../trace/replay-trace.ts";
import { smallFleet } from "../../trace/small-fleet.ts";
import type { Trace } from "../../trace/trace.ts";
import { combine, failed, type Verdict } from "../report.ts";
import { standInServices } from "../stand-in-services.ts";
import { type Subject, withInstances } from "../subject.ts";

const takesPart = [
  "filter",
  "scorer",
  "picker",
  "profileHandler",
  "admitter",
  "producer",
  "preCall",
  "postChoice",
  "responseHeaders",
  "responseChunk",
  "afterResponse",
] as const;

export async function traceReplay(subject: Subject): Promise<Verdict> {
  const traces = [smallFleet(), ...(subject.options.traces ?? [])];
  const needsOthers = Object.keys(standInServices(subject.spec, subject.configs[0])).length > 0;
  if (needsOthers)
    return { status: "skipped", message: "the type needs other instances: replay it with replayTrace()" };
  const verdicts = await withInstances(
    subject,
    (capabilities) => takesPart.some((name) => capabilities[name] !== undefined),
    async (parameters) => combine(await Promise.all(traces.map((trace) => replay(subject, trace, parameters))), ""),
  );
  return combine(verdicts, "the type takes no part in requests");
}

async function replay(subject: Subject, trace: Trace, parameters: unknown): Promise<Verdict> {
  const first = await replayTrace(subject.plugin, trace, { parameters });
  const second = await replayTrace(subject.plugin, trace, { parameters });
  const [fault] = first.faults;
  if (fault !== undefined) {
    const { capability, errors, corrected, lastError } = fault;
    const what = lastError ?? `${corrected} results had to be corrected`;
    return failed(`in the replay the ${capability} failed ${errors} times: ${what}`);
  }
  const differs = first.decisions.find(({ picked }, i) => picked.join() !== second.decisions[i]?.picked.join());
  if (differs !== undefined) return failed(`request ${differs.id} went elsewhere when the same recording was replayed`);
  const { length } = first.decisions;
  return {
    status: "passed",
    message: `${first.agreeing} of ${length} decisions as recorded, ${first.rejected} rejected`,
  };
}
