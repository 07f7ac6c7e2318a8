import type { CapabilityName } from "@pointsman/plugin-api";

const bySuffix: Readonly<Record<string, readonly CapabilityName[]>> = {
  filter: ["filter"],
  scorer: ["scorer"],
  picker: ["picker"],
  handler: ["profileHandler"],
  decider: ["decider"],
  producer: ["producer"],
  scraper: ["scraper"],
  source: ["scraper"],
  extractor: ["extractor"],
  discovery: ["discovery"],
  parser: ["parser"],
  admitter: ["admitter"],
  detector: ["admitter", "filter"],
};

/**
 * What a type can do, by the last word of its name, which says what it is (`queue-scorer`). For single files, which
 * have no manifest: what they return from `setup` is known too late for the configuration to be completed. Any other
 * name counts as a hook.
 */
export function capabilitiesByName(type: string): readonly CapabilityName[] {
  const suffix = type.slice(type.lastIndexOf("-") + 1);
  return bySuffix[suffix] ?? ["preCall", "postChoice", "responseHeaders", "afterResponse"];
}
