import type { Attributes, Metrics } from "@pointsman/plugin-api";
import { InFlightRequests, InFlightTokens } from "@pointsman/plugin-api/keys";
import type { LoadSink } from "./load-ledger.ts";

/** Publishes loads as attributes of the endpoints and as gauges; a gauge goes when its endpoint goes. */
export function publishLoad(attributes: Attributes, metrics: Metrics): LoadSink {
  const labels = ["endpoint_name", "namespace"];
  const requests = metrics.gauge({
    name: "inflight_requests",
    help: "Requests sent to the endpoint that have not ended.",
    labels,
  });
  const tokens = metrics.gauge({
    name: "inflight_tokens",
    help: "Estimated tokens, without cached ones, of the requests in flight at the endpoint.",
    labels,
  });
  return {
    publish(load) {
      attributes.set(load.endpointId, InFlightRequests, load.requests);
      attributes.set(load.endpointId, InFlightTokens, load.tokens);
      requests.set(load.requests, load.labels);
      tokens.set(load.tokens, load.labels);
    },
    forget(load) {
      requests.remove(load.labels);
      tokens.remove(load.labels);
    },
  };
}
