import {
  DESTINATION_KEY,
  ENDPOINT_NAMESPACE,
  type JsonObject,
  SERVED_KEY,
  SUBSET_KEY,
  SUBSET_NAMESPACE,
} from "@pointsman/ext-proc";

/**
 * The dynamic metadata of one request, in the two namespaces that the recommended Envoy configuration exchanges with
 * the picker: the subset hint, and `envoy.lb` with the endpoints picked and served.
 */
export class RoutingMetadata {
  readonly #namespaces: Record<string, JsonObject> = {};

  /** Limits the picker's choice. A string, as Envoy's header_to_metadata filter makes it. */
  setSubset(subset: string): void {
    this.#namespaces[SUBSET_NAMESPACE] = { [SUBSET_KEY]: subset };
  }

  /** Takes over what an answer carries; other namespaces than `envoy.lb` are not received. */
  receive(metadata: Readonly<Record<string, JsonObject>> | undefined): void {
    const received = metadata?.[ENDPOINT_NAMESPACE];
    if (received !== undefined) this.#merge(received);
  }

  setServed(endpoint: string): void {
    this.#merge({ [SERVED_KEY]: endpoint });
  }

  get destination(): string | undefined {
    const value = this.#namespaces[ENDPOINT_NAMESPACE]?.[DESTINATION_KEY];
    return typeof value === "string" ? value : undefined;
  }

  /** For a message: the namespaces that exist at this moment. */
  forward(): { metadata?: Readonly<Record<string, JsonObject>> } {
    return Object.keys(this.#namespaces).length === 0 ? {} : { metadata: { ...this.#namespaces } };
  }

  #merge(values: JsonObject): void {
    this.#namespaces[ENDPOINT_NAMESPACE] = { ...this.#namespaces[ENDPOINT_NAMESPACE], ...values };
  }
}
