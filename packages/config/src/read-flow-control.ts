import type { ConfigPath } from "@pointsman/diagnostics";
import type { FlowControl, PriorityBand, PriorityBandLimits } from "./model.ts";
import { parseDuration, parseQuantity } from "./quantities.ts";
import type { Reader } from "./reader.ts";

const flowControlFields = [
  "maxBytes",
  "maxRequests",
  "defaultRequestTTL",
  "noEndpointRequestTTL",
  "defaultPriorityBand",
  "defaultNegativePriorityBand",
  "priorityBands",
  "usageLimitPolicyPluginRef",
  "saturationDetector",
  "enableEviction",
];
const bandFields = ["priority", "maxBytes", "maxRequests", "fairnessPolicyRef", "orderingPolicyRef"];

/** The section, and its saturation detector as written, which lives elsewhere in the configuration. */
export interface FlowControlSection {
  readonly section: FlowControl;
  readonly saturationDetector: unknown;
  /** False when it holds nothing but the saturation detector. */
  readonly hasMore: boolean;
}

/** Reads `flowControl`; undefined when absent. Policies that it refers to are not looked for. */
export function readFlowControl(value: unknown, reader: Reader): FlowControlSection | undefined {
  const root = ["flowControl"];
  const fields = reader.mapping(value, root, flowControlFields);
  if (fields === undefined) return undefined;
  const quantity = (name: string) => reader.parsed(fields[name], [...root, name], parseQuantity, true);
  const duration = (name: string) => reader.parsed(fields[name], [...root, name], parseDuration);
  const section: FlowControl = {
    ...present("maxBytes", quantity("maxBytes")),
    ...present("maxRequests", quantity("maxRequests")),
    ...present("defaultRequestTtlMs", duration("defaultRequestTTL")),
    ...present("noEndpointRequestTtlMs", duration("noEndpointRequestTTL")),
    ...present(
      "defaultPriorityBand",
      template(fields["defaultPriorityBand"], [...root, "defaultPriorityBand"], reader),
    ),
    ...present(
      "defaultNegativePriorityBand",
      template(fields["defaultNegativePriorityBand"], [...root, "defaultNegativePriorityBand"], reader),
    ),
    priorityBands: readBands(fields["priorityBands"], [...root, "priorityBands"], reader),
    ...present(
      "usageLimitPolicyPluginRef",
      reader.text(fields["usageLimitPolicyPluginRef"], [...root, "usageLimitPolicyPluginRef"]),
    ),
    enableEviction: reader.boolean(fields["enableEviction"], [...root, "enableEviction"]) ?? false,
  };
  const hasMore = Object.entries(fields).some(([name, item]) => name !== "saturationDetector" && item !== null);
  return { section, saturationDetector: fields["saturationDetector"], hasMore };
}

function template(value: unknown, path: ConfigPath, reader: Reader): PriorityBandLimits | undefined {
  const fields = reader.mapping(value, path, bandFields.slice(1));
  return fields === undefined ? undefined : limits(fields, path, reader);
}

function limits(fields: Readonly<Record<string, unknown>>, path: ConfigPath, reader: Reader): PriorityBandLimits {
  const quantity = (name: string) => reader.parsed(fields[name], [...path, name], parseQuantity, true);
  return {
    ...present("maxBytes", quantity("maxBytes")),
    ...present("maxRequests", quantity("maxRequests")),
    ...present("fairnessPolicyRef", reader.text(fields["fairnessPolicyRef"], [...path, "fairnessPolicyRef"])),
    ...present("orderingPolicyRef", reader.text(fields["orderingPolicyRef"], [...path, "orderingPolicyRef"])),
  };
}

function readBands(value: unknown, root: ConfigPath, reader: Reader): readonly PriorityBand[] {
  const seen = new Set<number>();
  return reader.list<PriorityBand>(value, root, { priority: 0 }, (item, path) => {
    const fields = reader.mapping(item, path, bandFields);
    if (fields === undefined) return undefined;
    const priority = reader.number(fields["priority"], [...path, "priority"]) ?? 0;
    if (!Number.isSafeInteger(priority)) {
      const message = `A priority must be a whole number, not ${priority}.`;
      reader.report("POINTSMAN_CONFIG_INVALID", [...path, "priority"], message);
    } else if (seen.has(priority)) {
      const message = `Two priority bands have the priority ${priority}.`;
      reader.report("POINTSMAN_CONFIG_INVALID", [...path, "priority"], message);
    }
    seen.add(priority);
    return { priority, ...limits(fields, path, reader) };
  });
}

function present<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [key in K]?: V };
}
