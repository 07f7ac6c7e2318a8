import type { ConfigPath } from "@pointsman/diagnostics";
import { outsideScheduling, profileCapabilities } from "./capabilities.ts";
import { type Completion, describe } from "./completion.ts";
import type { ProfileEntry, SchedulingProfile } from "./model.ts";

const handlerType = "single-profile-handler";

/** The profile that llm-d runs when nothing is configured. The prefix scorer is left out where it is not installed. */
export function builtInProfile(completion: Completion, hasPrefixScorer: boolean): SchedulingProfile {
  const why = "nothing is configured";
  const entry = (type: string, weight: number): ProfileEntry => ({
    pluginRef: completion.instanceOf(type, why).name,
    weight,
  });
  return {
    name: "default",
    plugins: [
      entry("queue-scorer", 2),
      entry("kv-cache-utilization-scorer", 2),
      ...(hasPrefixScorer ? [entry("prefix-cache-scorer", 3)] : []),
      { pluginRef: completion.instanceOf("max-score-picker", why).name },
    ],
  };
}

/** The profile made of every listed filter, scorer and picker, in listed order. */
export function implicitProfile(completion: Completion): SchedulingProfile {
  const plugins = completion.plugins
    .filter((plugin) => profileCapabilities.some((name) => completion.capabilities(plugin)?.has(name)))
    .map((plugin) => ({ pluginRef: plugin.name }));
  return { name: "default", plugins };
}

/**
 * Checks the profiles and fills in weights and pickers; entries that do nothing are left out of the result.
 *
 * @param written false for the implicit profile: what is wrong with it is then shown where the plugins are listed
 */
export function completeProfiles(
  profiles: readonly SchedulingProfile[],
  completion: Completion,
  written: boolean,
): readonly SchedulingProfile[] {
  return profiles.map((profile, index) => {
    const path = ["schedulingProfiles", index, "plugins"];
    const placeOf = (entry: ProfileEntry, i: number): ConfigPath =>
      written
        ? [...path, i, "pluginRef"]
        : ["plugins", completion.plugins.findIndex((plugin) => plugin.name === entry.pluginRef)];
    const seen = new Set<string>();
    let picker: string | undefined;
    let unclear = false;
    let scorers = 0;
    const entries: ProfileEntry[] = [];
    profile.plugins.forEach((entry, i) => {
      const at = placeOf(entry, i);
      const kept = readEntry(entry, at, profile.name, completion);
      if (kept === undefined) return;
      if (seen.has(entry.pluginRef)) {
        const message = `The profile ${profile.name} lists ${entry.pluginRef} twice.`;
        completion.report("POINTSMAN_CONFIG_DUPLICATE_REFERENCE", at, message);
        return;
      }
      seen.add(entry.pluginRef);
      if (kept.isPicker && picker !== undefined) {
        const message = `The profile ${profile.name} has two pickers, ${picker} and ${entry.pluginRef}.`;
        completion.report("POINTSMAN_CONFIG_TWO_PICKERS", at, message);
        return;
      }
      if (kept.isPicker) picker = entry.pluginRef;
      if (kept.isScorer) scorers++;
      unclear ||= kept.isUnknown;
      entries.push(kept.entry);
    });
    if (picker === undefined && !unclear) {
      const why = `the profile ${profile.name} has no picker`;
      const plugin = completion.providers("picker")[0] ?? completion.instanceOf("max-score-picker", why);
      completion.use(plugin.name);
      entries.push({ pluginRef: plugin.name });
      picker = plugin.name;
    }
    if (scorers === 0 && !unclear && completion.find(picker ?? "")?.type !== "random-picker") {
      const message = `The profile ${profile.name} has no scorer: it chooses at random among what its filters leave.`;
      completion.report("POINTSMAN_CONFIG_RANDOM_CHOICE", written ? path.slice(0, 2) : ["plugins"], message);
    }
    return { name: profile.name, plugins: entries };
  });
}

function readEntry(entry: ProfileEntry, at: ConfigPath, profile: string, completion: Completion) {
  const plugin = completion.find(entry.pluginRef);
  const capabilities = plugin === undefined ? undefined : completion.capabilities(plugin);
  if (plugin === undefined || capabilities === undefined) {
    return completion.check(entry, at, "scorer")
      ? { entry, isPicker: false, isScorer: false, isUnknown: true }
      : undefined;
  }
  completion.use(plugin.name);
  const isPicker = capabilities.has("picker");
  const isScorer = capabilities.has("scorer");
  if (!isPicker && !isScorer && !capabilities.has("filter")) {
    if ([...capabilities].every((name) => outsideScheduling.has(name))) {
      const message = `${describe(plugin)} is not a filter, a scorer or a picker.`;
      const provides = [...capabilities].join(", ") || "nothing that can be used here";
      completion.report("POINTSMAN_CONFIG_WRONG_CAPABILITY", at, message, {
        notes: [{ label: "it provides", text: provides }],
      });
    } else {
      const message = `${describe(plugin)} does nothing in the profile ${profile}: it works by being listed under plugins.`;
      completion.report("POINTSMAN_CONFIG_IGNORED_REFERENCE", at, message);
    }
    return undefined;
  }
  const { weight } = entry;
  const weightAt = [...at.slice(0, -1), "weight"];
  if (weight !== undefined && !(Number.isFinite(weight) && weight >= 0)) {
    const message = `The weight of ${plugin.name} must be a finite number, 0 or more.`;
    completion.report("POINTSMAN_CONFIG_INVALID", weightAt, message);
  }
  if (weight !== undefined && !isScorer) {
    const message = `${describe(plugin)} has no use for a weight: it is no scorer.`;
    completion.report("POINTSMAN_CONFIG_WEIGHT_ON_NON_SCORER", weightAt, message);
  }
  const completed = isScorer ? { pluginRef: plugin.name, weight: weight ?? 1 } : { pluginRef: plugin.name };
  return { entry: completed, isPicker, isScorer, isUnknown: false };
}

/** The instance that decides which profiles run; undefined when that is not one (which is then reported). */
export function completeHandler(profiles: readonly SchedulingProfile[], completion: Completion): string | undefined {
  const [first, second] = completion.providers("profileHandler");
  if (first === undefined) {
    if (profiles.length === 1 && !completion.hasUnknownTypes) {
      return completion.instanceOf(handlerType, "one profile and no profile handler").name;
    }
    if (!completion.hasUnknownTypes) {
      const message = `There are ${profiles.length} scheduling profiles, but no profile handler that says which of them run.`;
      completion.report("POINTSMAN_CONFIG_PROFILE_HANDLER", ["schedulingProfiles"], message);
    }
    return undefined;
  }
  if (second !== undefined) {
    const message = `${describe(first)} and ${describe(second)} are both profile handlers; there can be one.`;
    completion.report("POINTSMAN_CONFIG_PROFILE_HANDLER", ["plugins", completion.plugins.indexOf(second)], message);
    return undefined;
  }
  if (first.type === handlerType && profiles.length > 1) {
    const names = profiles.map((profile) => profile.name).join(", ");
    const message = `${describe(first)} runs one profile, but there are ${profiles.length}: ${names}.`;
    completion.report("POINTSMAN_CONFIG_SINGLE_PROFILE", ["plugins", completion.plugins.indexOf(first)], message);
  }
  return first.name;
}
