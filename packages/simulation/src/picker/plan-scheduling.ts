import type { EndpointPickerConfig } from "@pointsman/config";
import type { PluginSet } from "@pointsman/plugin-host";
import type { Profile, SchedulingPlan, WeightedScorer } from "@pointsman/scheduling";

/**
 * The scheduling plan of a complete configuration, as the picker makes it.
 * @throws Error when the configuration names what the set lacks; completion has checked that it does not.
 */
export function planScheduling(config: EndpointPickerConfig, set: PluginSet): SchedulingPlan {
  const profiles = config.schedulingProfiles.map(({ name, plugins }): Profile => {
    const of = (pluginRef: string) => set.get(pluginRef)?.capabilities ?? {};
    const filters = plugins.flatMap(({ pluginRef }) => {
      const { filter } = of(pluginRef);
      return filter === undefined ? [] : [{ name: pluginRef, capability: filter }];
    });
    const scorers = plugins.flatMap(({ pluginRef, weight = 1 }): WeightedScorer[] => {
      const { scorer } = of(pluginRef);
      return scorer === undefined ? [] : [{ name: pluginRef, capability: scorer, weight }];
    });
    const picker = plugins.flatMap(({ pluginRef }) => {
      const { picker: found } = of(pluginRef);
      return found === undefined ? [] : [{ name: pluginRef, capability: found }];
    })[0];
    if (picker === undefined) throw new Error(`profile ${name} has no picker`);
    return { name, filters, scorers, picker };
  });
  const handler = set.providing("profileHandler")[0];
  if (handler === undefined) throw new Error("no profile handler is configured");
  return { profiles, handler: { name: handler.instance.entry.name, capability: handler.capability } };
}
