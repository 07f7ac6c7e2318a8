/**
 * One Envoy for all pickers: a listener for each picker and mode, one ORIGINAL_DST cluster that goes where the picker
 * says. `cheap`: buffered request, response headers and trailers, no body. `full`: full duplex both ways.
 */
const modes = {
  cheap: {
    request_header_mode: "SEND",
    request_body_mode: "BUFFERED",
    request_trailer_mode: "SKIP",
    response_header_mode: "SEND",
    response_body_mode: "NONE",
    response_trailer_mode: "SEND",
  },
  full: {
    request_header_mode: "SEND",
    request_body_mode: "FULL_DUPLEX_STREAMED",
    request_trailer_mode: "SEND",
    response_header_mode: "SEND",
    response_body_mode: "FULL_DUPLEX_STREAMED",
    response_trailer_mode: "SEND",
  },
};

const typed = (type, fields) => ({ "@type": `type.googleapis.com/${type}`, ...fields });
const local = (port) => ({ socket_address: { address: "127.0.0.1", port_value: port } });
const unlimited = { thresholds: [{ max_connections: 40_000, max_pending_requests: 40_000, max_requests: 40_000 }] };

export function envoyBootstrap({ admin, routes }) {
  return JSON.stringify({
    node: { id: "bench", cluster: "bench" },
    admin: { address: local(admin) },
    layered_runtime: {
      layers: [{ name: "static", static_layer: { "envoy.reloadable_features.ext_proc_graceful_grpc_close": true } }],
    },
    static_resources: {
      listeners: routes.map(listener),
      clusters: [...new Map(routes.map((route) => [route.picker, pickerCluster(route)])).values(), pool],
    },
  });
}

function listener({ picker, mode, port }) {
  return {
    name: `${picker}-${mode}`,
    address: local(port),
    per_connection_buffer_limit_bytes: 33_554_432,
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
              stat_prefix: `${picker}-${mode}`,
              stream_idle_timeout: "0s",
              request_timeout: "0s",
              route_config: {
                virtual_hosts: [
                  {
                    name: "any",
                    domains: ["*"],
                    routes: [{ match: { prefix: "/" }, route: { cluster: "pool", timeout: "0s" } }],
                  },
                ],
              },
              http_filters: [
                {
                  name: "envoy.filters.http.ext_proc",
                  typed_config: typed("envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor", {
                    grpc_service: { envoy_grpc: { cluster_name: picker, authority: "epp.local" } },
                    processing_mode: modes[mode],
                    message_timeout: "120s",
                    allow_mode_override: true,
                    metadata_options: {
                      forwarding_namespaces: { untyped: ["envoy.lb", "envoy.lb.subset_hint"] },
                      receiving_namespaces: { untyped: ["envoy.lb"] },
                    },
                  }),
                },
                {
                  name: "envoy.filters.http.router",
                  typed_config: typed("envoy.extensions.filters.http.router.v3.Router", {}),
                },
              ],
            }),
          },
        ],
      },
    ],
  };
}

function pickerCluster({ picker, grpc }) {
  return {
    name: picker,
    type: "STATIC",
    connect_timeout: "1s",
    circuit_breakers: unlimited,
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 1_024 } } },
      ),
    },
    load_assignment: {
      cluster_name: picker,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: local(grpc) } }] }],
    },
  };
}

const pool = {
  name: "pool",
  type: "ORIGINAL_DST",
  lb_policy: "CLUSTER_PROVIDED",
  connect_timeout: "1s",
  original_dst_lb_config: { use_http_header: true, http_header_name: "x-gateway-destination-endpoint" },
  circuit_breakers: unlimited,
};
