import type { Datastore } from "@pointsman/datastore";
import type { Attribute, DataKey, EndpointWriter } from "@pointsman/plugin-api";

/** Who writes: its name, and the keys its plugin declared. */
export interface Writer {
  readonly entry: { readonly name: string };
  readonly writes: readonly DataKey[];
}

/** @throws TypeError when the plugin did not declare that it writes the attribute. */
export function assertDeclared({ entry, writes }: Writer, attribute: Attribute): void {
  for (const { key } of writes) if (key === attribute.key) return;
  throw new TypeError(`${entry.name} does not list ${attribute.key} in its writes`);
}

/** Publishes attributes of one endpoint in the name of one instance, at a scrape interval in milliseconds. */
export function endpointWriter(
  datastore: Datastore,
  endpointId: string,
  writer: Writer,
  intervalMs: number,
): EndpointWriter {
  const options = { writer: writer.entry.name, intervalMs };
  return {
    set(attribute, value) {
      assertDeclared(writer, attribute as Attribute);
      datastore.write(endpointId, attribute as Attribute, value, options);
    },
  };
}
