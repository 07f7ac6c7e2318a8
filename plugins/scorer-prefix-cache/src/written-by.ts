import { from, type NumberAttribute } from "@pointsman/plugin-api";
import { z } from "zod";

/** The attribute as one instance writes it; as the only one does when no instance is named. */
export function writtenBy(attribute: NumberAttribute, instance: string): NumberAttribute {
  return instance === "" ? attribute : from(attribute, instance);
}

export const prefixMatchInfoProducerName = z
  .string()
  .default("")
  .describe("Instance that says how much of a prompt is cached; empty = the only one there is.");
