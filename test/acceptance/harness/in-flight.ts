import { InFlightRequests } from "@pointsman/plugin-api/keys";
import type { TestPicker } from "./picker.ts";

/** Requests in flight over all endpoints, as the producer publishes them to scorers. */
export function inFlight({ epp }: TestPicker): number {
  return epp.datastore.snapshot().endpoints.reduce((sum, endpoint) => sum + (endpoint.get(InFlightRequests) ?? 0), 0);
}
