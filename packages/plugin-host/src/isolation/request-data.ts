import type { RequestView } from "@pointsman/plugin-api";
import { currentInstance, enterInstance } from "../guard/current-instance.ts";
import type { RequestData } from "./protocol.ts";

/** A request whose headers can be listed, so that they can be copied. */
export interface ListedRequest extends RequestView {
  /** Name, value, name, value, …: what {@link RequestView.header} shows. */
  headerList(): readonly string[];
}

/** What crosses of a request. */
export function requestData(request: RequestView, instance: string): RequestData {
  // Drawn in the name of the instance, so that a replay gives it the same numbers.
  const caller = currentInstance();
  enterInstance(instance);
  const seed = Math.floor(request.random() * 2 ** 32);
  enterInstance(caller);
  const headers = (request as Partial<ListedRequest>).headerList?.() ?? [];
  return {
    id: request.id,
    now: request.now,
    deadline: request.deadline,
    method: request.method,
    path: request.path,
    api: request.api,
    model: request.model,
    targetModel: request.targetModel,
    stream: request.stream,
    maxOutputTokens: request.maxOutputTokens,
    cacheSalt: request.cacheSalt,
    priority: request.priority,
    tenant: request.tenant,
    headers,
    promptBytes: request.prompt.byteLength,
    seed,
  };
}
