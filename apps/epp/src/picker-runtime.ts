import type { EndpointPickerConfig } from "@pointsman/config";
import type {
  Admitter,
  AfterResponseHook,
  PostChoiceHook,
  PreCallHook,
  ResponseChunkHook,
  ResponseHeadersHook,
} from "@pointsman/plugin-api";
import type { IsolatedPlugin, PluginSet, Provided } from "@pointsman/plugin-host";
import { type Profile, Scheduler, type WeightedScorer } from "@pointsman/scheduling";
import { ParserTable } from "./request/parser-table.ts";
import { UseCount } from "./use-count.ts";

/** What a plugin set means for requests: everything in the order in which it is called. Immutable. */
export interface PickerRuntime {
  readonly set: PluginSet;
  readonly scheduler: Scheduler;
  readonly parsers: ParserTable;
  readonly preCall: readonly PreCallHook[];
  readonly producerLevels: readonly (readonly Provided<"producer">[])[];
  /** The saturation detector first, then the other admitters. */
  readonly admitters: readonly Admitter[];
  readonly postChoice: readonly PostChoiceHook[];
  readonly responseHeaders: readonly ResponseHeadersHook[];
  readonly responseChunk: readonly ResponseChunkHook[];
  readonly afterResponse: readonly AfterResponseHook[];
  /** Instances in worker threads, whose votes are asked for before scheduling. */
  readonly isolated: readonly IsolatedPlugin[];
  /** Whether any plugin must see the usage, or the chunks, of every answer. */
  readonly needsUsage: boolean;
  /** Requests that began with this set and have not ended. */
  readonly requests: UseCount;
}

/** @throws Error when the configuration names what the set lacks; `completeConfig` has checked that it does not. */
export function createPickerRuntime(config: EndpointPickerConfig, set: PluginSet): PickerRuntime {
  const capability = <Kind extends "filter" | "scorer" | "picker" | "parser" | "admitter">(name: string, kind: Kind) =>
    set.get(name)?.capabilities[kind];
  const profiles = config.schedulingProfiles.map((profile): Profile => {
    const filters = profile.plugins.flatMap(({ pluginRef }) => {
      const filter = capability(pluginRef, "filter");
      return filter === undefined ? [] : [{ name: pluginRef, capability: filter }];
    });
    const scorers = profile.plugins.flatMap(({ pluginRef, weight }): WeightedScorer[] => {
      const scorer = capability(pluginRef, "scorer");
      return scorer === undefined ? [] : [{ name: pluginRef, capability: scorer, weight: weight ?? 1 }];
    });
    const picker = profile.plugins.flatMap(({ pluginRef }) => {
      const found = capability(pluginRef, "picker");
      return found === undefined ? [] : [{ name: pluginRef, capability: found }];
    })[0];
    if (picker === undefined) throw new Error(`profile ${profile.name} has no picker`);
    return { name: profile.name, filters, scorers, picker };
  });
  const handler = set.providing("profileHandler")[0];
  if (handler === undefined) throw new Error("no profile handler is configured");
  const detector = config.saturationDetector?.pluginRef;
  const admitters = set
    .providing("admitter")
    .filter(({ instance, capability: { saturation } }) => saturation === undefined || instance.entry.name === detector)
    .sort((a, b) => Number(b.instance.entry.name === detector) - Number(a.instance.entry.name === detector));
  return {
    set,
    scheduler: new Scheduler({
      profiles,
      handler: { name: handler.instance.entry.name, capability: handler.capability },
    }),
    parsers: new ParserTable(
      config.requestHandler.parsers.flatMap(({ pluginRef }) => capability(pluginRef, "parser") ?? []),
    ),
    preCall: set.providing("preCall").map((provided) => provided.capability),
    producerLevels: set.producerLevels(),
    admitters: admitters.map((provided) => provided.capability),
    postChoice: set.providing("postChoice").map((provided) => provided.capability),
    responseHeaders: set.providing("responseHeaders").map((provided) => provided.capability),
    responseChunk: set.providing("responseChunk").map((provided) => provided.capability),
    afterResponse: set.providing("afterResponse").map((provided) => provided.capability),
    isolated: set.instances.flatMap(({ isolated }) => isolated ?? []),
    requests: new UseCount(),
    needsUsage: set.instances.some(({ response }) => response === "usage" || response === "chunks"),
  };
}
