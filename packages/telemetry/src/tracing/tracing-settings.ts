/** How traces are sampled and where they go. The rest the SDK reads from its own variables (`OTEL_*`). */
export interface TracingSettings {
  readonly exporter: "otlp" | "console" | "none";
  readonly protocol: "grpc" | "http/protobuf" | "http/json";
  readonly sampler:
    | "always_on"
    | "always_off"
    | "traceidratio"
    | "parentbased_always_on"
    | "parentbased_always_off"
    | "parentbased_traceidratio";
  /** Share of traces in [0, 1] for the samplers that take one. */
  readonly ratio: number;
  /** Requests in one message where spans are encoded early, else spans. Default: 128, or the SDK's. */
  readonly batchSize?: number;
}
