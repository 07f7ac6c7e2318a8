import type { Attribute, DataKey, Plugin } from "@pointsman/plugin-api";
import { parseParameters, readsWith, specOf } from "../definition.ts";
import { createTestHost, type Fault, type TestHost } from "../host/create-test-host.ts";
import type { RoutedRequest } from "../host/route-request.ts";
import type { TestHostConfig } from "../host/test-host-config.ts";
import { readAttributes, readEndpoint, type Trace } from "./trace.ts";

export interface ReplayOptions {
  /** Parameters of the plugin. */
  readonly parameters?: unknown;
  /** A whole config instead, when other plugins take part. */
  readonly config?: TestHostConfig;
  /** Definitions of those other plugins. */
  readonly beside?: readonly Plugin[];
  /** Default: the seed of the trace. */
  readonly seed?: number;
  readonly services?: Readonly<Record<string, unknown>>;
}

/** What a plugin makes of a recorded day. */
export interface TraceReplay {
  readonly decisions: readonly ReplayedDecision[];
  /** Requests that went where the recording says. */
  readonly agreeing: number;
  readonly rejected: number;
  /** What the host's guards had to make good. */
  readonly faults: readonly Fault[];
}

export interface ReplayedDecision {
  readonly id: string;
  readonly picked: readonly string[];
  readonly recorded: readonly string[];
}

/** Plays a recording through a plugin in the production host, on the recording's clock. */
export async function replayTrace(plugin: Plugin, trace: Trace, options: ReplayOptions = {}): Promise<TraceReplay> {
  const { parameters, beside = [] } = options;
  const plugins = [plugin, ...beside];
  const attributes = [
    ...attributesOf(plugin, parameters),
    ...beside.flatMap((other) => attributesOf(other, undefined)),
  ];
  const alone = { plugins: [{ type: specOf(plugin).type, ...(parameters === undefined ? {} : { parameters }) }] };
  const host = await createTestHost({
    plugins,
    config: options.config ?? alone,
    endpoints: trace.endpoints.map((endpoint) => readEndpoint(endpoint, attributes)),
    seed: options.seed ?? trace.seed,
    ...(options.services === undefined ? {} : { services: options.services }),
  });
  try {
    return await play(host, trace, attributes);
  } finally {
    await host.stop();
  }
}

async function play(host: TestHost, { steps }: Trace, attributes: readonly Attribute[]): Promise<TraceReplay> {
  const decisions: ReplayedDecision[] = [];
  const waiting = new Map<string, RoutedRequest>();
  let now = 0;
  let rejected = 0;
  for (const step of steps) {
    if (step.at > now) await host.advance(step.at - now);
    now = step.at;
    if ("write" in step) {
      for (const { attribute, value } of readAttributes(step.attributes, attributes)) {
        host.write(step.write, attribute, value);
      }
    } else if ("request" in step) {
      const routed = await host.route(step.request);
      if (routed.outcome === "rejected") rejected += 1;
      else waiting.set(step.request.id, routed);
      decisions.push({ id: step.request.id, picked: routed.picked, recorded: step.picked });
    } else {
      const routed = waiting.get(step.answer);
      if (routed === undefined) continue;
      waiting.delete(step.answer);
      const { status, usage } = step;
      await host.respond(routed, {
        ...(status === undefined ? {} : { status }),
        ...(usage === undefined ? {} : { usage }),
      });
    }
  }
  const agreeing = decisions.filter(({ picked, recorded }) => picked.join() === recorded.join()).length;
  return { decisions, agreeing, rejected, faults: host.faults() };
}

/** Attributes that a definition names itself, besides the standard ones. */
function attributesOf(plugin: Plugin, parameters: unknown): Attribute[] {
  const spec = specOf(plugin);
  const parsed = parseParameters(spec, parameters);
  const reads = "config" in parsed ? readsWith(spec, parsed.config) : { required: [], optional: [] };
  const keys: readonly DataKey[] = [
    ...reads.required,
    ...reads.optional,
    ...((spec.writes ?? []) as readonly DataKey[]),
  ];
  return keys.filter((key): key is Attribute => key.$$type === "pointsman/attribute");
}
