import { Client, type ClientReadableStream, credentials, type ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { decodeHealthCheckResponse, encodeHealthCheckRequest } from "../src/codec/health-messages.ts";
import { createHealth, type Health } from "../src/health.ts";
import { createHealthServer } from "../src/transport/grpc-js/health-service.ts";
import { until } from "./machine-harness.ts";
import { transports } from "./transports.ts";

const [SERVING, NOT_SERVING, SERVICE_UNKNOWN] = [1, 2, 3];
const EXT_PROC = "envoy.service.ext_proc.v3.ExternalProcessor";
const identity = (bytes: Buffer) => bytes;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function clientOf(listen: () => Promise<{ port: number }>) {
  const { port } = await listen();
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  closers.push(() => client.close());
  const raw = (service: string | Buffer) =>
    typeof service === "string" ? Buffer.from(encodeHealthCheckRequest(service)) : service;
  return {
    check: (service: string | Buffer) =>
      new Promise<number | string>((resolve) => {
        client.makeUnaryRequest(
          "/grpc.health.v1.Health/Check",
          identity,
          identity,
          raw(service),
          (error: ServiceError | null, reply?: Buffer) =>
            resolve(error ? `code ${error.code}` : decodeHealthCheckResponse(reply!)),
        );
      }),
    watch(service: string) {
      const statuses: number[] = [];
      const call: ClientReadableStream<Buffer> = client.makeServerStreamRequest(
        "/grpc.health.v1.Health/Watch",
        identity,
        identity,
        raw(service),
      );
      call.on("data", (bytes: Buffer) => statuses.push(decodeHealthCheckResponse(bytes)));
      call.on("error", () => {});
      closers.push(() => call.cancel());
      return statuses;
    },
  };
}

const servers: [string, (health: Health) => () => Promise<{ port: number }>][] = [
  [
    "its own port",
    (health) => () => {
      const server = createHealthServer(health);
      closers.push(() => server.close());
      return server.listen({ host: "127.0.0.1", port: 0 });
    },
  ],
  ...transports.map(([name, createTransport]): (typeof servers)[number] => [
    `the ext_proc port of ${name}`,
    (health) => () => {
      const transport = createTransport({
        handler: {
          open: () => {
            throw new Error("no stream is opened");
          },
        },
        health,
      });
      closers.push(() => transport.close());
      return transport.listen({ host: "127.0.0.1", port: 0 });
    },
  ]),
];

describe.each(servers)("gRPC health on %s", (_, serve) => {
  it("V10 reports NOT_SERVING until told otherwise, except that it is alive", async () => {
    const health = createHealth();
    const { check } = await clientOf(serve(health));
    const all = () => Promise.all(["liveness", "readiness", EXT_PROC, ""].map(check));
    expect(await all()).toEqual([SERVING, NOT_SERVING, NOT_SERVING, NOT_SERVING]);
    health.setServing(true);
    expect(await all()).toEqual([SERVING, SERVING, SERVING, SERVING]);
    health.setServing(false);
    expect(await all()).toEqual([SERVING, NOT_SERVING, NOT_SERVING, NOT_SERVING]);
  });

  it("answers Check of an unknown name with NOT_FOUND and of broken bytes with INVALID_ARGUMENT", async () => {
    const { check } = await clientOf(serve(createHealth()));
    expect(await check("no.such.Service")).toBe("code 5");
    expect(await check(Buffer.from("0aff", "hex"))).toBe("code 3");
  });

  it("tells a watcher the status now and at each change", async () => {
    const health = createHealth();
    const client = await clientOf(serve(health));
    const [ready, alive, unknown] = [
      client.watch("readiness"),
      client.watch("liveness"),
      client.watch("no.such.Service"),
    ];
    await until(() => ready.length === 1 && alive.length === 1 && unknown.length === 1);
    health.setServing(true);
    health.setServing(true);
    health.setServing(false);
    await until(() => ready.length === 3);
    expect(ready).toEqual([NOT_SERVING, SERVING, NOT_SERVING]);
    expect(alive).toEqual([SERVING]);
    expect(unknown).toEqual([SERVICE_UNKNOWN]);
  });
});
