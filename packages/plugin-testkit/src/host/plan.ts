import type { Filter, Picker } from "@pointsman/plugin-api";
import type { PluginSet } from "@pointsman/plugin-host";
import type { Named, Profile, SchedulingPlan, WeightedScorer } from "@pointsman/scheduling";
import { everyProfile, highestTotal } from "./fallbacks.ts";
import type { TestHostConfig, TestProfile } from "./test-host-config.ts";

/** The scheduling plan of a test config over guarded capabilities, with stand-ins where none is given. */
export function planScheduling(config: TestHostConfig, set: PluginSet): SchedulingPlan {
  const profiles = config.schedulingProfiles ?? [{ name: "default", plugins: everyCapability(set) }];
  const handler = set.providing("profileHandler")[0];
  const refused = handler?.capability.check?.(profiles.map(({ name }) => name));
  if (refused !== undefined) throw new Error(`${handler?.instance.entry.name}: ${refused}`);
  return {
    profiles: profiles.map((profile) => planProfile(profile, set)),
    handler:
      handler === undefined ? everyProfile : { name: handler.instance.entry.name, capability: handler.capability },
  };
}

function everyCapability(set: PluginSet): TestProfile["plugins"] {
  return set.instances
    .filter(({ capabilities: { filter, scorer, picker } }) => filter ?? scorer ?? picker)
    .map(({ entry }) => ({ pluginRef: entry.name }));
}

function planProfile({ name, plugins }: TestProfile, set: PluginSet): Profile {
  const filters: Named<Filter>[] = [];
  const scorers: WeightedScorer[] = [];
  const pickers: Named<Picker>[] = [];
  for (const { pluginRef, weight = 1 } of plugins) {
    const instance = set.get(pluginRef);
    if (instance === undefined) throw new Error(`profile ${name} names "${pluginRef}", which is not in plugins`);
    const { filter, scorer, picker } = instance.capabilities;
    if (filter !== undefined) filters.push({ name: pluginRef, capability: filter });
    if (scorer !== undefined) scorers.push({ name: pluginRef, capability: scorer, weight });
    if (picker !== undefined) pickers.push({ name: pluginRef, capability: picker });
  }
  return { name, filters, scorers, picker: pickers[0] ?? highestTotal };
}
