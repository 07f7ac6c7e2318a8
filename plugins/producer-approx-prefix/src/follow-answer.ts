import type { Capabilities, Endpoint, RequestKey } from "@pointsman/plugin-api";
import type { RoutedPrefix } from "./routed-prefix.ts";

/** Answers from here on are errors: the prompt was most likely not computed, and must not attract more requests. */
const FIRST_ERROR_STATUS = 400;

/** The hooks that keep the record of a request true to what happened after the choice. */
export function followAnswer(
  key: RequestKey<RoutedPrefix>,
  capacityOf: (endpoint: Endpoint, prefix: RoutedPrefix) => number,
): Required<Pick<Capabilities, "responseHeaders" | "afterResponse">> {
  return {
    responseHeaders(request, { served, status }) {
      const prefix = request.locals.get(key);
      if (prefix === undefined) return;
      if (served === undefined || (status !== undefined && status >= FIRST_ERROR_STATUS)) prefix.withdraw();
      else prefix.servedBy(served.id, () => capacityOf(served, prefix));
    },
    afterResponse(request, { outcome }) {
      if (outcome === "unrouted") request.locals.get(key)?.withdraw();
    },
  };
}
