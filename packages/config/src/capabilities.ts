/** Names of capabilities as plugin manifests write them; a subset of the plugin API's is enough here. */
export type ConfigCapability =
  | "filter"
  | "scorer"
  | "picker"
  | "profileHandler"
  | "decider"
  | "producer"
  | "scraper"
  | "extractor"
  | "discovery"
  | "parser"
  | "admitter"
  | "connector"
  | "preCall"
  | "postChoice"
  | "responseHeaders"
  | "responseChunk"
  | "afterResponse";

/** What the types installed provide; undefined for a type that no package provides. */
export type CapabilitiesOf = (type: string) => ReadonlySet<ConfigCapability> | undefined;

/** An instance with nothing but these does nothing unless the configuration refers to it. */
export const referencedOnly: ReadonlySet<ConfigCapability> = new Set([
  "filter",
  "scorer",
  "picker",
  "parser",
  "discovery",
]);

/** An instance with nothing but these has its place elsewhere in the file; listing it in a profile is a mistake. */
export const outsideScheduling: ReadonlySet<ConfigCapability> = new Set([
  "parser",
  "discovery",
  "scraper",
  "extractor",
  "connector",
]);

/** What may stand in a scheduling profile. */
export const profileCapabilities: readonly ConfigCapability[] = ["filter", "scorer", "picker"];

/** A capability as a message calls it, with its article. */
export function nameOf(capability: ConfigCapability): string {
  if (capability === "profileHandler") return "a profile handler";
  if (capability === "scraper") return "a data source (scraper)";
  if (capability === "discovery") return "a discovery";
  return /^[aeiou]/.test(capability) ? `an ${capability}` : `a ${capability}`;
}
