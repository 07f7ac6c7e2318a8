/** Namespace of the dynamic metadata in which picker and proxy tell each other endpoints. */
export const ENDPOINT_NAMESPACE = "envoy.lb";
/** Request header and metadata key by which the picker names the destination: `ip:port`, or a comma list of them. */
export const DESTINATION_KEY = "x-gateway-destination-endpoint";
/** Metadata key by which the proxy tells which endpoint really answered. */
export const SERVED_KEY = "x-gateway-destination-endpoint-served";
/** Namespace and key by which the proxy limits the picker's choice. */
export const SUBSET_NAMESPACE = "envoy.lb.subset_hint";
export const SUBSET_KEY = "x-gateway-destination-endpoint-subset";
/** The filter under whose name Envoy sends attributes, and the one that tells the upstream address. */
export const EXT_PROC_FILTER = "envoy.filters.http.ext_proc";
export const UPSTREAM_ADDRESS = "upstream.address";
/** The gRPC service and method of External Processing. */
export const EXT_PROC_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor";
export const EXT_PROC_METHOD = `/${EXT_PROC_SERVICE}/Process`;
