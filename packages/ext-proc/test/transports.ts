import { createGrpcJsTransport } from "../src/transport/grpc-js/grpc-js-transport.ts";
import { createNativeTransport } from "../src/transport/native/native-transport.ts";
import type { ExtProcTransport, ExtProcTransportOptions } from "../src/transport/transport.ts";

export type CreateTransport = (options: ExtProcTransportOptions) => ExtProcTransport;

/** Both back ends, by name: what is said of a transport holds for each. */
export const transports: readonly (readonly [name: string, create: CreateTransport])[] = [
  ["grpc-js", createGrpcJsTransport],
  ["native", createNativeTransport],
];
