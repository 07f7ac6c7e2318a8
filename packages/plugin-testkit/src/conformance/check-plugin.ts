import { API_VERSION, type Plugin } from "@pointsman/plugin-api";
import { openDefinitions } from "../host/load-definitions.ts";
import { checkDefinition } from "./check-definition.ts";
import { type ConformanceOptions, optionsFor } from "./options.ts";
import type { ConformanceReport, Measurement, RuleResult } from "./report.ts";
import { createSubject } from "./subject.ts";

/**
 * Checks definitions given as values, in this process: the rules about behaviour, without those about the package.
 * A plugin that blocks blocks the caller; `checkPluginPackage` has processes for that.
 */
export async function checkPlugin(
  plugin: Plugin | readonly Plugin[],
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const results: RuleResult[] = [];
  const measurements: Measurement[] = [];
  const definitions = openDefinitions(plugin);
  for (const definition of definitions) {
    const { type } = definition.spec;
    const subject = createSubject(definition, definition, undefined, optionsFor(type, options));
    await checkDefinition(subject, {
      begin: () => {},
      result: (result) => void results.push(result),
      measured: (measurement) => void measurements.push(measurement),
    });
  }
  return {
    subject: definitions.map(({ spec }) => spec.type).join(", "),
    dir: undefined,
    apiVersion: API_VERSION,
    seed: options.seed ?? 1,
    ok: results.every(({ status }) => status !== "failed"),
    results,
    measurements,
  };
}
