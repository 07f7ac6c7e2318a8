import { fields, LENGTH_DELIMITED, VARINT, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

const SERVICE = 1; // HealthCheckRequest.service
const STATUS = 1; // HealthCheckResponse.status

/** Encodes a `grpc.health.v1.HealthCheckRequest`. */
export function encodeHealthCheckRequest(service: string): Uint8Array {
  const writer = new WireWriter(service.length + 16);
  if (service !== "") writer.string(SERVICE, service);
  return writer.finish();
}

/**
 * Decodes a `grpc.health.v1.HealthCheckRequest` into the name of the service.
 *
 * @throws CodecFault
 */
export function decodeHealthCheckRequest(bytes: Uint8Array): string {
  const reader = new WireReader(bytes);
  let service = "";
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ((SERVICE << 3) | LENGTH_DELIMITED)) service = reader.string();
    else reader.skipUnknown(tag, fields(SERVICE));
  }
  return service;
}

/** Encodes a `grpc.health.v1.HealthCheckResponse` with the number of its status. */
export function encodeHealthCheckResponse(status: number): Uint8Array {
  const writer = new WireWriter(16);
  writer.varint(STATUS, status);
  return writer.finish();
}

/**
 * Decodes a `grpc.health.v1.HealthCheckResponse` into the number of its status.
 *
 * @throws CodecFault
 */
export function decodeHealthCheckResponse(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let status = 0;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ((STATUS << 3) | VARINT)) status = reader.int32();
    else reader.skipUnknown(tag, fields(STATUS));
  }
  return status;
}
