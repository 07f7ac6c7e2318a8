import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readTracingEnvironment } from "@pointsman/config";
import { MeasuredPicker, median, servePicker } from "./lifecycle-harness.ts";
import { costOfCalls } from "./tracing-calls.ts";

/**
 * What traces cost, export over OTLP included. First the calls of one request by themselves, which other work on the
 * machine hardly disturbs; then CPU time of a picker per life cycle at several sampling ratios, against the same picker
 * without. Rounds alternate between the processes, and each is compared with its neighbour; the first line, a picker
 * without traces against another one, is how far apart equals are. Target: at most 3 % at a ratio of 5 %.
 */

const ROUNDS = 15;
const PER_ROUND = 2_000;
const RATIOS = ["off", "0", "0.05", "1"];
/** A caller that has decided for it. A picker that runs for long has sampled many requests, whatever its ratio. */
const sampled = [["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]] as const;
const PROTOCOL = "http/protobuf";

if (process.argv[2] === "server") {
  const traced = process.argv[4] !== "off";
  await servePicker(process.argv[3]!, { tracing: traced ? readTracingEnvironment().settings : undefined });
} else if (process.argv[2] === "calls") {
  const [unsampled, traced] = [await costOfCalls(0), await costOfCalls(1)];
  const at5 = 0.95 * unsampled + 0.05 * traced;
  console.log(
    `calls of one request   ${unsampled.toFixed(2)} µs CPU not sampled, ${traced.toFixed(1)} sampled and exported, so ${at5.toFixed(1)} at 5 %`,
  );
  process.exit();
} else {
  let received = 0;
  const collector = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    request.on("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => collector.once("listening", resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

  const calls = fork(import.meta.filename, ["calls"], {
    execArgv: process.execArgv,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_MAX_QUEUE_SIZE: "1000000" },
  });
  await once(calls, "exit");

  const off = await MeasuredPicker.start(import.meta.filename, "off");
  for (const ratio of RATIOS) {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: PROTOCOL,
      OTEL_TRACES_SAMPLER_ARG: ratio,
      // Nothing is dropped for want of room: every span that was sampled is paid for.
      OTEL_BSP_MAX_QUEUE_SIZE: "1000000",
      OTEL_BSP_SCHEDULE_DELAY: "500",
    };
    const warmUp = ratio === "off" || ratio === "0" ? [] : sampled;
    const on = await MeasuredPicker.start(import.meta.filename, ratio === "off" ? "off" : "on", { env, warmUp });
    const plain: number[] = [];
    const traced: number[] = [];
    const more: number[] = [];
    received = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      plain.push(await off.round(PER_ROUND));
      traced.push(await on.round(PER_ROUND));
      more.push(traced.at(-1)! / plain.at(-1)! - 1);
    }
    on.stop();
    const what = ratio === "off" ? "no traces      " : `sampling ${(Number(ratio) * 100).toFixed(0).padStart(3)} %`;
    console.log(
      `${what}   ${median(traced).toFixed(1)} µs CPU against ${median(plain).toFixed(1)} without traces: ${(median(more) * 100).toFixed(1)} % more (median of ${ROUNDS} pairs), ${Math.round(received / ROUNDS / PER_ROUND)} bytes exported per request`,
    );
  }
  off.stop();
  collector.close();
}
