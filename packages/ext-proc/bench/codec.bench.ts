import { Bench } from "tinybench";
import { decodeProcessingRequest, encodeProcessingRequest } from "../src/codec/processing-request.ts";
import { encodeProcessingResponse } from "../src/codec/processing-response.ts";
import { lazyHeaderList } from "../src/headers.ts";
import { createStreamMachine } from "../src/stream-machine.ts";
import { HEADERS, protocolConfig } from "./sample-request.ts";

const requestHeaders = encodeProcessingRequest({ kind: "request_headers", headers: HEADERS, protocolConfig });
const requestBody = encodeProcessingRequest({
  kind: "request_body",
  body: Buffer.alloc(2048, 0x61),
  endOfStream: true,
});
const responseHeaders = encodeProcessingRequest({
  kind: "response_headers",
  headers: [
    [":status", "200"],
    ["content-type", "text/event-stream"],
  ],
});
const responseChunk = encodeProcessingRequest({ kind: "response_body", body: Buffer.alloc(220, 0x62) });
const responseEnd = encodeProcessingRequest({ kind: "response_body", endOfStream: true });

const routeAnswer = {
  kind: "request_headers",
  setHeaders: [
    ["x-gateway-destination-endpoint", "10.1.2.3:8000"],
    ["content-length", "2048"],
  ],
  removeHeaders: [],
  clearRouteCache: true,
  dynamicMetadata: { "envoy.lb": { "x-gateway-destination-endpoint": "10.1.2.3:8000" } },
} as const;
const echo = (body: Uint8Array) =>
  encodeProcessingResponse({ kind: "request_body", bodyMutation: { kind: "streamed", body, endOfStream: true } });

const ROUTE = { kind: "route", destination: "10.1.2.3:8000", setHeaders: [], removeHeaders: [] } as const;
const NOTHING = { setHeaders: [], removeHeaders: [], body: "none" } as const;
const handler = {
  open: () => ({
    route: () => ROUTE,
    bodyTooLarge: () => ({ kind: "reject", status: 413, headers: [], body: Buffer.alloc(0) }) as const,
    responseHeaders: () => NOTHING,
    responseBody: (chunk: Uint8Array) => chunk,
    end() {},
  }),
};

const bench = new Bench({ time: 400, warmupTime: 100 });
bench.add("decode headers + body (13 headers, 2 KiB)", () => {
  decodeProcessingRequest(requestHeaders);
  decodeProcessingRequest(requestBody);
});
bench.add("read one of the 13 headers", () => {
  lazyHeaderList(decodeProcessingRequest(requestHeaders).headerMap).get("x-request-id");
});
bench.add("encode header answer + body answer", () => {
  encodeProcessingResponse(routeAnswer);
  echo(decodeProcessingRequest(requestBody).body);
});
bench.add("round trip: decode headers + body, encode both answers", () => {
  lazyHeaderList(decodeProcessingRequest(requestHeaders).headerMap).get("x-request-id");
  const { body } = decodeProcessingRequest(requestBody);
  encodeProcessingResponse(routeAnswer);
  echo(body);
});
bench.add("whole lifecycle through the stream machine (9 messages)", () => {
  const machine = createStreamMachine({ handler, send: () => true, finish() {} });
  machine.receive(requestHeaders);
  machine.receive(requestBody);
  machine.receive(responseHeaders);
  for (let i = 0; i < 5; i++) machine.receive(responseChunk);
  machine.receive(responseEnd);
  machine.halfClosed();
});

await bench.run();
for (const task of bench.tasks) {
  const result = task.result as { latency?: { p50: number; p99: number } };
  console.log(
    `${task.name.padEnd(56)} median ${((result.latency?.p50 ?? Number.NaN) * 1000).toFixed(2).padStart(8)} µs`,
  );
}
