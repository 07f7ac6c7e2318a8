import type { Datastore } from "@pointsman/datastore";
import type { PluginSet } from "@pointsman/plugin-host";

/** What `/debug/pool` says: every endpoint, whether it is ready, and each attribute with its age. */
export function reportPool(datastore: Datastore, set: PluginSet): unknown {
  const snapshot = datastore.snapshot();
  const attributes = set.endpointWriters().map(({ attribute }) => attribute);
  return {
    endpoints: snapshot.endpoints.map((endpoint, row) => ({
      id: endpoint.id,
      address: endpoint.address,
      labels: endpoint.labels,
      ready: snapshot.ready[row] === 1,
      attributes: Object.fromEntries(
        attributes.map((attribute) => [
          attribute.key,
          { value: endpoint.get(attribute) ?? null, ageMs: endpoint.ageMs(attribute) ?? null, unit: attribute.unit },
        ]),
      ),
    })),
  };
}
