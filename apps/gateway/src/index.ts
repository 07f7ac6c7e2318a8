/**
 * A small HTTP proxy that speaks ext_proc to an endpoint picker as Envoy does.
 *
 * @packageDocumentation
 */
export type { GatewayStats } from "./counters.ts";
export { createGateway, type Gateway, READY_PATH } from "./gateway.ts";
export { main } from "./main.ts";
export type { FailureMode, GatewayOptions } from "./options.ts";
