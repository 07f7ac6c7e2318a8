import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterAll } from "vitest";

export type Health = "SERVING" | "NOT_SERVING" | `code ${number}`;

const STATUS: Readonly<Record<number, Health>> = { 1: "SERVING", 2: "NOT_SERVING" };
const identity = (bytes: Buffer): Buffer => bytes;

/** Asks `grpc.health.v1.Health/Check` on a port of this machine: by the name of a service, "" for the whole server. */
export function healthClient(port: number): (service: string) => Promise<Health> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  afterAll(() => client.close());
  return (service) => {
    const name = Buffer.from(service);
    const request = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
    return new Promise((resolve) => {
      client.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        identity,
        identity,
        request,
        (error: ServiceError | null, reply?: Buffer) =>
          // The reply is one varint, field 1.
          resolve(error === null ? (STATUS[reply?.[1] ?? 0] ?? "code 0") : `code ${error.code}`),
      );
    });
  };
}
