import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fleet, startFleet } from "./harness/fleet.ts";
import { Host } from "./harness/in-process.ts";
import { Load } from "./harness/load.ts";
import { until } from "./harness/poll.ts";
import { sumOf } from "./harness/series.ts";

const config = JSON.stringify({
  apiVersion: "llm-d.ai/v1alpha1",
  kind: "EndpointPickerConfig",
  plugins: [{ type: "queue-scorer", isolation: "worker" }, { type: "active-request-scorer" }],
});

let fleet: Fleet;
let host: Host;
beforeAll(async () => {
  fleet = await startFleet();
  host = await Host.start(fleet, config);
});
afterAll(async () => {
  await host?.close();
  await fleet?.close();
});

it("a scorer that behaves decides with the others from its worker, by what was scraped", async () => {
  const load = new Load(host.url, 50);
  await until(
    "its scores in a decision",
    () => host.scores("queue-scorer"),
    (scores) => scores.length === 3 && scores.every((score) => score === 1),
  );
  const trips = () => host.page().then((page) => sumOf(page, "plugin_worker_round_trip_seconds_count"));
  await until("its answers to be counted", trips, (count) => count >= 10);
  const { sent, statuses } = await load.end();
  expect([...statuses]).toEqual([[200, sent]]);
  await host.expectIdle();
});
