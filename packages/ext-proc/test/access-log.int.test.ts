import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { ACCESS_LOG_METHOD, type AccessLogEntry, decodeAccessLogMessage } from "../src/index.ts";
import { until } from "./machine-harness.ts";
import { type CreateTransport, transports } from "./transports.ts";

interface Codec {
  requestSerialize(value: unknown): Buffer;
}

/** An independent encoder: @grpc/proto-loader, which comes with grpc-js. */
const reference = ((): Codec => {
  const here = createRequire(import.meta.url);
  const fromGrpcJs = createRequire(here.resolve("@grpc/grpc-js"));
  const { loadSync } = fromGrpcJs("@grpc/proto-loader") as {
    loadSync(file: string, options: object): Record<string, { StreamAccessLogs: Codec }>;
  };
  const file = fileURLToPath(new URL("fixtures/access_log.proto", import.meta.url));
  return loadSync(file, { keepCase: true })["envoy.service.accesslog.v3.AccessLogService"]!.StreamAccessLogs;
})();

const encode = (log_entry: readonly object[]): Buffer => reference.requestSerialize({ http_logs: { log_entry } });
const duration = (ms: number): object => ({ seconds: Math.floor(ms / 1_000), nanos: Math.round((ms % 1_000) * 1e6) });

function asEnvoyWrites(entry: AccessLogEntry): object {
  const address = /^(?:\[(.*)\]|(.*)):(\d+)$/.exec(entry.upstream ?? "");
  return {
    protocol_version: 2,
    common_properties: {
      sample_rate: 1,
      start_time: { seconds: 1_700_000_000, nanos: 5 },
      time_to_last_rx_byte: duration(1),
      ...(entry.firstByteMs === undefined ? {} : { time_to_first_upstream_rx_byte: duration(entry.firstByteMs) }),
      ...(entry.durationMs === undefined ? {} : { duration: duration(entry.durationMs) }),
      ...(address === null
        ? {}
        : {
            upstream_remote_address: {
              socket_address: { address: address[1] ?? address[2], port_value: Number(address[3]) },
            },
          }),
      upstream_cluster: "pool",
      custom_tags: { a: "b" },
      access_log_type: 3,
    },
    request: { path: "/v1/completions", request_id: entry.requestId, request_headers: { x: "y" } },
    response: {
      ...(entry.status === undefined ? {} : { response_code: { value: entry.status } }),
      response_headers_bytes: 300,
      response_body_bytes: entry.responseBytes,
      response_code_details: entry.details,
    },
  };
}

const milliseconds = fc.option(
  fc.nat(4_000_000).map((quarters) => quarters / 4),
  { nil: undefined },
);
const entries: fc.Arbitrary<AccessLogEntry> = fc.record({
  requestId: fc.oneof(fc.uuid(), fc.string()),
  firstByteMs: milliseconds,
  durationMs: milliseconds,
  responseBytes: fc.maxSafeNat(),
  status: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
  details: fc.constantFrom("via_upstream", "downstream_remote_disconnect", ""),
  upstream: fc.constantFrom(undefined, "10.0.0.1:8000", "[fd00::1]:9000"),
});

describe("an access log message", () => {
  it("is decoded as an independent implementation encodes it", () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 4 }), (given) => {
        expect(decodeAccessLogMessage(encode(given.map(asEnvoyWrites)))).toEqual(given);
      }),
    );
  });

  it("of TCP, or of an exchange that goes on, says nothing", () => {
    expect(decodeAccessLogMessage(reference.requestSerialize({ tcp_logs: { log_entry: [{}] } }))).toEqual([]);
    expect(decodeAccessLogMessage(encode([{ common_properties: { intermediate_log_entry: true } }]))).toEqual([]);
  });

  it("that is damaged is refused or read, and nothing else happens", () => {
    const whole = encode([asEnvoyWrites({ ...anEntry, requestId: "a-request-id" })]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const damaged = Buffer.from(whole);
        damaged[at] = byte;
        try {
          decodeAccessLogMessage(damaged.subarray(0, length));
        } catch (error) {
          expect(error).toMatchObject({ name: "CodecFault" });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

const anEntry: AccessLogEntry = {
  requestId: "r-1",
  firstByteMs: 12.5,
  durationMs: 250,
  responseBytes: 10,
  status: 200,
  details: "via_upstream",
  upstream: "10.0.0.1:8000",
};

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(create: CreateTransport, withLog = true) {
  const received: AccessLogEntry[] = [];
  let open = 0;
  const accessLog = {
    opened: () => void open++,
    entry: (entry: AccessLogEntry) => void received.push(entry),
    closed: () => void open--,
  };
  const transport = create({
    handler: { open: () => expect.fail("no exchange is opened") },
    ...(withLog ? { accessLog } : {}),
  });
  const { port } = await transport.listen({ host: "127.0.0.1", port: 0 });
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  closers.push(
    () => transport.close(),
    () => client.close(),
  );
  const identity = (bytes: Buffer): Buffer => bytes;
  const stream = () => {
    let code: number | undefined;
    const call = client.makeClientStreamRequest(ACCESS_LOG_METHOD, identity, identity, (error: ServiceError | null) => {
      code = error?.code ?? 0;
    });
    call.on("error", () => {});
    return { call, code: () => code };
  };
  return { transport, received, open: () => open, stream };
}

describe.each(transports)("the access log service on %s", (_, create) => {
  it("hands over each entry, and counts who sends", async () => {
    const { received, open, stream } = await start(create);
    const [a, b] = [stream(), stream()];
    a.call.write(encode([asEnvoyWrites(anEntry)]));
    b.call.write(encode([asEnvoyWrites(anEntry), asEnvoyWrites({ ...anEntry, requestId: "r-2" })]));
    await until(() => received.length === 3);
    expect(received.map(({ requestId }) => requestId).sort()).toEqual(["r-1", "r-1", "r-2"]);
    expect(open()).toBe(2);
    a.call.end();
    b.call.cancel();
    await until(() => open() === 0 && a.code() !== undefined);
    expect(a.code()).toBe(0);
  });

  it("ends a stream that sends nonsense", async () => {
    const { received, open, stream } = await start(create);
    const { call, code } = stream();
    call.write(Buffer.from([0x12, 0x05, 0x0a]));
    await until(() => code() !== undefined && open() === 0);
    expect([code(), received]).toEqual([3, []]);
  });

  it("does not hold up a drain", async () => {
    const { transport, open, stream, received } = await start(create);
    const { call, code } = stream();
    call.write(encode([asEnvoyWrites(anEntry)]));
    await until(() => received.length === 1);
    await transport.drain(30_000);
    expect(open()).toBe(0);
    await until(() => code() === 14);
  });

  it("is not there when nobody listens", async () => {
    const { stream } = await start(create, false);
    const { call, code } = stream();
    call.end();
    await until(() => code() === 12);
  });
});
