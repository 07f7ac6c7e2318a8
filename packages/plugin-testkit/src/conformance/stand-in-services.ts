import {
  type Capabilities,
  type Decider,
  definePlugin,
  type Filter,
  type Picker,
  type Plugin,
  type Redis,
  type Scorer,
  type ServiceRef,
} from "@pointsman/plugin-api";
import type { PluginV1 } from "@pointsman/plugin-api/internal";
import { parseParameters } from "../definition.ts";

const decider: Decider = { decide: () => false };
const filter: Filter = { empties: "ineligible", filter: () => {} };
const scorer: Scorer = { score: (_request, _candidates, scores) => void scores.fill(0.5) };
const picker: Picker = {
  pick(_request, _candidates, _totals, ranked) {
    ranked[0] = 0;
    return 1;
  },
};
const capabilities: Readonly<Record<string, unknown>> = { decider, filter, scorer, picker };

/** A connection that is down: what every plugin must live with. */
const redis: Redis = { ready: false, command: async () => Promise.reject(new Error("there is no Redis in this test")) };

/** Objects for what a type needs from other instances: the plainest ones that keep the contract. */
export function standInServices(spec: PluginV1["spec"], parameters: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    needsOf(spec, parameters).flatMap(({ id, capability }): [string, unknown][] => {
      if (capability !== undefined) return [[id, capabilities[capability.kind]]];
      return id.startsWith("core.redis:") ? [[id, redis]] : [];
    }),
  );
}

/** The same as instances that the production host can load. */
export function standInPlugins(
  spec: PluginV1["spec"],
  parameters: unknown,
): {
  readonly plugins: readonly Plugin[];
  readonly entries: readonly { readonly type: string; readonly name: string }[];
} {
  const wanted = needsOf(spec, parameters).flatMap(({ capability }) => capability ?? []);
  const kinds = [...new Set(wanted.map(({ kind }) => kind))];
  return {
    plugins: kinds.map((kind) =>
      definePlugin({ type: `stand-in-${kind}`, setup: () => ({ [kind]: capabilities[kind] }) as Capabilities }),
    ),
    entries: wanted.map(({ kind, instance }) => ({ type: `stand-in-${kind}`, name: instance })),
  };
}

/** Refs that a type needs with these parameters; none when the parameters are wrong. */
export function needsOf(spec: PluginV1["spec"], parameters: unknown): readonly ServiceRef[] {
  const parsed = parseParameters(spec, parameters);
  if (!("config" in parsed)) return [];
  const needs = typeof spec.needs === "function" ? spec.needs(parsed.config) : (spec.needs ?? {});
  return Object.values(needs as Readonly<Record<string, ServiceRef>>);
}
