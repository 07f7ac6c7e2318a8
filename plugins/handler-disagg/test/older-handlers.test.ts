import type { Decider, Endpoint, Plugin } from "@pointsman/plugin-api";
import { configIssues, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import handlers from "../src/index.ts";
import { endpointsAt, runOf, tellChoice } from "./run.ts";

const [, pd, headers, dataParallel, byHeader] = handlers as [Plugin, Plugin, Plugin, Plugin, Plugin];
const [decode, prefill, encode] = endpointsAt("10.0.0.1", "10.0.0.5", "10.0.0.9") as [Endpoint, Endpoint, Endpoint];
const yes: Decider = { decide: () => true };

const pdHandler = (config: object = {}) =>
  setUpPlugin(pd, { config, services: { "capability.decider:prefix-based-pd-decider": yes } });

describe("pd-profile-handler", () => {
  it("asks the prefix decider unless told otherwise, and has no encode stage", async () => {
    const { profileHandler } = await pdHandler();
    const run = (results: Parameters<typeof runOf>[1]) => runOf(["prefill", "decode", "encode"], results);
    expect(profileHandler!.next(createTestRequest(), run({}))).toEqual(["decode"]);
    expect(profileHandler!.next(createTestRequest(), run({ decode: [decode] }))).toEqual(["prefill"]);
    expect(profileHandler!.next(createTestRequest(), run({ decode: [decode], prefill: undefined }))).toEqual([]);
  });

  it("sends the request to the primary port, and names the chosen rank", async () => {
    const { postChoice, services } = await pdHandler({ primaryPort: 9_000 });
    const told = tellChoice(postChoice, createTestRequest(), { decode: [decode], prefill: [prefill] });
    expect(told.set).toEqual({
      "x-prefiller-host-port": "10.0.0.5:8000",
      "x-data-parallel-host-port": "10.0.0.1:8000",
    });
    expect(told.port).toBe(9_000);
    const series = "{model_name=m,decision_type=prefill-decode}";
    expect(services.metrics.get(`pd_decision_total${series}`)).toBe(1);
    expect(services.metrics.get(`disagg_decision_total${series}`)).toBe(1);
  });

  it("leaves the port alone without a primary port, and refuses what is no port", async () => {
    const { postChoice } = await pdHandler();
    const told = tellChoice(postChoice, createTestRequest(), { decode: [decode] });
    expect(told.port).toBeUndefined();
    expect(told.set).toEqual({});
    for (const primaryPort of [-10, 65_536, 1.5]) expect(configIssues(pd, { primaryPort })).not.toEqual([]);
  });
});

describe("disagg-headers-handler", () => {
  it("sets the headers from the profiles it is told, and removes stale ones", async () => {
    const { postChoice } = await setUpPlugin(headers, { config: { prefillProfile: "mine" } });
    const told = tellChoice(postChoice, createTestRequest(), { decode: [decode], mine: [prefill], encode: [encode] });
    expect(told.set).toEqual({ "x-prefiller-host-port": "10.0.0.5:8000", "x-encoder-hosts-ports": "10.0.0.9:8000" });
    expect(tellChoice(postChoice, createTestRequest(), { decode: [decode] }).removed).toContain(
      "x-prefiller-host-port",
    );
  });
});

describe("data-parallel-profile-handler", () => {
  it("names the first rank in the header and sends to the primary port", async () => {
    const { postChoice, profileHandler } = await setUpPlugin(dataParallel, { config: { primaryPort: 0 } });
    expect(profileHandler!.next(createTestRequest(), runOf(["main"]))).toEqual(["main"]);
    expect(profileHandler!.next(createTestRequest(), runOf(["main"], { main: undefined }))).toEqual([]);
    const told = tellChoice(postChoice, createTestRequest(), { main: [decode, prefill] }, "main");
    expect(told.set).toEqual({ "x-data-parallel-host-port": "10.0.0.1:8000" });
    expect(told.port).toBe(0);
  });

  it("needs exactly one profile and a port", async () => {
    const { profileHandler } = await setUpPlugin(dataParallel);
    expect(profileHandler!.check!(["main"])).toBeUndefined();
    expect(profileHandler!.check!(["a", "b"])).toContain("2: a, b");
    for (const primaryPort of [-1, 65_536]) expect(configIssues(dataParallel, { primaryPort })).not.toEqual([]);
  });
});

describe("header-profile-handler", () => {
  const PHASES = ["encode", "prefill", "decode"];

  it("runs the profile that the header names, the default one without it", async () => {
    const { profileHandler } = await setUpPlugin(byHeader);
    const named = (value?: string) =>
      createTestRequest(value === undefined ? {} : { headers: { "EPP-Profile": value } });
    const { next, primary } = profileHandler!;
    expect(next(named("prefill"), runOf(PHASES))).toEqual(["prefill"]);
    expect(next(named(), runOf(PHASES))).toEqual(["decode"]);
    expect(next(named(""), runOf(PHASES))).toEqual(["decode"]);
    expect(next(named("prefill"), runOf(PHASES, { prefill: [prefill] }))).toEqual([]);
    expect(primary(named("prefill"), runOf(PHASES, { prefill: [prefill] }))).toBe("prefill");
    expect(next(named("bogus"), runOf(["only"]))).toEqual(["only"]);
  });

  it("runs nothing for an unknown name", async () => {
    const { profileHandler } = await setUpPlugin(byHeader, { config: { headerName: "x-phase" } });
    const request = createTestRequest({ headers: { "x-phase": "bogus" } });
    const run = runOf(PHASES);
    expect(profileHandler!.next(request, run)).toEqual([]);
    expect(run.notes).toEqual([
      "profile: the request names a profile that does not exist; there are encode, prefill, decode",
    ]);
    expect(profileHandler!.primary(request, run)).toBe("decode");
  });

  it("keeps the name from the model server", async () => {
    const { postChoice } = await setUpPlugin(byHeader, { config: { headerName: "X-Phase" } });
    expect([...tellChoice(postChoice, createTestRequest(), { decode: [decode] }).removed]).toEqual(["x-phase"]);
  });
});
