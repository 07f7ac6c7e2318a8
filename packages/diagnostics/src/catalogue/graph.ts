import { configuration } from "./entry.ts";

/** Codes about how the configured plugins fit together. */
export const graphCodes = {
  POINTSMAN_GRAPH_UNWRITTEN_ATTRIBUTE: configuration(
    "Attribute is read but never written",
    "A plugin needs an attribute that no configured plugin writes, and that has no default producer.",
    "Add a plugin that writes it.",
  ),
  POINTSMAN_GRAPH_TWO_WRITERS: configuration(
    "Two writers for one attribute",
    "Several configured plugins write an attribute, and the reader does not say whose values it wants.",
    "Say so with `from`, or remove one of the writers.",
  ),
  POINTSMAN_GRAPH_ATTRIBUTE_KIND_CONFLICT: configuration(
    "Attribute has two kinds",
    "Two plugins declare the same attribute with different kinds of values.",
    "Update the older of the two plugins; one of them has to use another major version of the attribute.",
  ),
  POINTSMAN_GRAPH_CYCLE: configuration(
    "Plugins need each other in a circle",
    "The order in which to set up or to run the plugins named cannot be determined.",
    "Break the circle at one of the plugins named.",
  ),
  POINTSMAN_GRAPH_SERVICE_UNKNOWN: configuration(
    "Unknown service",
    "A plugin needs a service that this host does not offer.",
    "Update Pointsman, or configure the service.",
  ),
  POINTSMAN_GRAPH_REFERENCE_UNKNOWN: configuration(
    "Plugin refers to nothing",
    "A parameter of a plugin names another instance that is not in `plugins`.",
    "Correct the name, or add the instance.",
  ),
  POINTSMAN_GRAPH_REFERENCE_CAPABILITY: configuration(
    "Plugin refers to one that cannot do this",
    "A parameter of a plugin names an instance that lacks the capability that is needed.",
    "Name an instance of a type that has it.",
  ),
} as const;
