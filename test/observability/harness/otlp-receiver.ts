import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type ReceivedSpan, spansOfJson, spansOfProtobuf } from "./otlp-messages.ts";

/** A collector as an exporter sees it: OTLP over HTTP (JSON and protobuf) and over gRPC, on real sockets. */
export interface OtlpReceiver {
  /** Endpoint for `OTEL_EXPORTER_OTLP_ENDPOINT` over HTTP. */
  readonly http: string;
  /** The same over gRPC. */
  readonly grpc: string;
  /** In the order in which they came. */
  readonly spans: readonly ReceivedSpan[];
  /** How each request came: `application/json`, `application/x-protobuf` or `application/grpc`. */
  readonly formats: ReadonlySet<string>;
  /** Waits for all spans of a trace that has a span of this name. */
  trace(name: string, where?: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan[]>;
  close(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const formats = new Set<string>();
  const web = createServer((request, response) => {
    void bodyOf(request).then((raw) => {
      const format = request.headers["content-type"] ?? "";
      if (request.method !== "POST" || request.url !== "/v1/traces") return response.writeHead(404).end();
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
      formats.add(format);
      spans.push(...(format === "application/json" ? spansOfJson(body) : spansOfProtobuf(body)));
      return response.writeHead(200, { "content-type": format }).end(format === "application/json" ? "{}" : "");
    });
  });
  web.listen(0, "127.0.0.1");
  await once(web, "listening");

  const rpc = new Server();
  const asIs = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
  rpc.addService(
    {
      export: {
        path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        requestStream: false,
        responseStream: false,
        ...asIs,
      },
    },
    {
      export: (call: { request: Buffer }, done: (error: null, answer: Buffer) => void) => {
        formats.add("application/grpc");
        spans.push(...spansOfProtobuf(call.request));
        done(null, Buffer.alloc(0));
      },
    },
  );
  const rpcPort = await new Promise<number>((resolve, reject) => {
    rpc.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });

  return {
    http: `http://127.0.0.1:${(web.address() as AddressInfo).port}`,
    grpc: `http://127.0.0.1:${rpcPort}`,
    spans,
    formats,
    async trace(name, where = () => true) {
      for (;;) {
        const found = spans.find((span) => span.name === name && where(span));
        if (found !== undefined) return spans.filter(({ traceId }) => traceId === found.traceId);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async close() {
      rpc.forceShutdown();
      web.closeAllConnections();
      web.close();
      await once(web, "close");
    },
  };
}

const same = (bytes: Buffer): Buffer => bytes;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
