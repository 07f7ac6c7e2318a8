/**
 * Envoy External Processing for an endpoint picker: codec, stream machine, transports and client.
 *
 * @packageDocumentation
 */
export { type AccessLogEntry, decodeAccessLogMessage } from "./access-log/access-log-entry.ts";
export { ACCESS_LOG_METHOD, type AccessLogSink } from "./access-log/access-log-sink.ts";
export {
  createExtProcClient,
  type ExtProcClient,
  type ExtProcClientOptions,
  type ExtProcListener,
  type ExtProcStatus,
  type ExtProcStream,
  type IterableExtProcStream,
} from "./client/ext-proc-client.ts";
export type { BodyMode, HeaderMode, ProcessingMode, ProtocolConfig } from "./codec/body-mode.ts";
export { CodecFault, type CodecFaultCode } from "./codec/codec-fault.ts";
export { decodeHeaderMap, type HeaderPairs } from "./codec/header-map.ts";
export type { HeaderMutation } from "./codec/header-mutation.ts";
export {
  decodeProcessingRequest,
  encodeProcessingRequest,
  type MessageKind,
  type ProcessingRequest,
  type ProcessingRequestInput,
  readAttributes,
  readNamespace,
} from "./codec/processing-request.ts";
export {
  type Answer,
  type BodyMutation,
  decodeProcessingResponse,
  encodeProcessingResponse,
  type ImmediateResponse,
  type ProcessingResponse,
} from "./codec/processing-response.ts";
export type { JsonObject, JsonValue } from "./codec/struct.ts";
export type {
  BodyState,
  Exchange,
  ExchangeControl,
  ExchangeFactory,
  Pass,
  Rejection,
  ResponseHeadersAnswer,
  ResponseHeadersInput,
  Route,
  RouteAnswer,
  RouteInput,
  StreamEnd,
  StreamPhase,
} from "./exchange.ts";
export { createHeaderList, type HeaderList } from "./headers.ts";
export { createHealth, type Health, type HealthStatus } from "./health.ts";
export { DEFAULT_LIMITS, type StreamLimits } from "./stream-machine/limits.ts";
export type { OverrideIgnored } from "./stream-machine/stream-context.ts";
export { StreamFault } from "./stream-machine/stream-fault.ts";
export {
  createStreamMachine,
  type StreamMachine,
  type StreamMachineOptions,
  type StreamStatus,
} from "./stream-machine.ts";
export { createSubsetMatcher, matchesSubset, parseSubsetHint } from "./subset-hint.ts";
export { createGrpcJsTransport } from "./transport/grpc-js/grpc-js-transport.ts";
export { createHealthServer, type HealthServer } from "./transport/grpc-js/health-service.ts";
export { Http2Fault } from "./transport/native/http2-fault.ts";
export { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./transport/native/limits.ts";
export { createNativeTransport, type NativeTransportOptions } from "./transport/native/native-transport.ts";
export { createSelfSignedIdentity, type SelfSignedOptions } from "./transport/self-signed.ts";
export type { ExtProcTransport, ExtProcTransportOptions, ListenOptions, TlsIdentity } from "./transport/transport.ts";
export * from "./wire-names.ts";
