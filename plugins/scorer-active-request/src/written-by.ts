import { from, type NumberAttribute } from "@pointsman/plugin-api";

/** The attribute as one instance writes it; as the only one does when no instance is named. */
export function writtenBy(attribute: NumberAttribute, instance: string): NumberAttribute {
  return instance === "" ? attribute : from(attribute, instance);
}
