import type { Decider, Endpoint, Plugin } from "@pointsman/plugin-api";
import { PeerEndpoint, PrefillProfile } from "@pointsman/plugin-api/keys";
import { configIssues, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import handlers from "../src/index.ts";
import { endpointsAt, runOf, tellChoice } from "./run.ts";

const [disagg] = handlers as [Plugin];
const ALL = ["encode", "prefill", "decode"];
const [decode, prefill, encode] = endpointsAt("10.0.0.1", "10.0.0.5", "10.0.0.9") as [Endpoint, Endpoint, Endpoint];
const [D, P, E] = [[decode], [prefill], [encode]] as const;
const yes: Decider = { decide: () => true, explain: () => "long" };
const no: Decider = { decide: () => false, explain: () => "short" };

async function handler(config: Record<string, unknown>, deciders: Readonly<Record<string, Decider>> = {}) {
  const services = Object.fromEntries(
    Object.entries(deciders).map(([name, decider]) => [`capability.decider:${name}`, decider]),
  );
  return setUpPlugin(disagg, { config, services });
}

const both = (prefill: Decider, encode: Decider) =>
  handler({ deciders: { prefill: "p", encode: "e" } }, { p: prefill, e: encode });

describe("disagg-profile-handler, decode first", () => {
  it("runs decode, then encode and prefill, and ends", async () => {
    const { profileHandler } = await both(yes, yes);
    const request = createTestRequest();
    const next = (results: Parameters<typeof runOf>[1]) => profileHandler!.next(request, runOf(ALL, results));
    expect(next({})).toEqual(["decode"]);
    expect(next({ decode: D })).toEqual(["encode"]);
    expect(next({ decode: D, encode: E })).toEqual(["prefill"]);
    expect(next({ decode: D, encode: E, prefill: P })).toEqual([]);
    expect(profileHandler!.primary(request, runOf(ALL, { decode: D, prefill: P }))).toBe("decode");
  });

  it("goes on to prefill when encode is not wanted or finds nobody, and asks about encode once", async () => {
    let asked = 0;
    const counting: Decider = {
      decide: () => {
        asked += 1;
        return false;
      },
    };
    const { profileHandler } = await both(yes, counting);
    const request = createTestRequest();
    expect(profileHandler!.next(request, runOf(ALL, { decode: D }))).toEqual(["prefill"]);
    expect(profileHandler!.next(request, runOf(ALL, { decode: D, prefill: P }))).toEqual([]);
    expect(asked).toBe(1);
    expect(profileHandler!.next(request, runOf(ALL, { decode: D, encode: undefined }))).toEqual(["prefill"]);
  });

  it("ends without asking when decode finds nobody", async () => {
    const never: Decider = {
      decide() {
        throw new Error("asked");
      },
    };
    const { profileHandler } = await both(never, never);
    expect(profileHandler!.next(createTestRequest(), runOf(ALL, { decode: undefined }))).toEqual([]);
  });

  it("asks about the decode endpoint and names it as the peer of prefill", async () => {
    const about: unknown[] = [];
    const decider: Decider = { decide: (_request, endpoint) => about.push(endpoint) > 0 };
    const { profileHandler } = await handler({ deciders: { prefill: "p" } }, { p: decider });
    const request = createTestRequest();
    profileHandler!.next(request, runOf(ALL, { decode: D }));
    expect(about).toEqual([decode]);
    expect(request.locals.get(PeerEndpoint)).toBe(decode.id);

    const skipped = createTestRequest();
    (await both(no, no)).profileHandler!.next(skipped, runOf(ALL, { decode: D }));
    expect(skipped.locals.get(PeerEndpoint)).toBeUndefined();
  });

  it("runs decode alone without deciders, and without the other profiles", async () => {
    const request = createTestRequest();
    expect((await handler({})).profileHandler!.next(request, runOf(ALL, { decode: D }))).toEqual([]);
    const plugin = await both(yes, yes);
    expect(plugin.profileHandler!.check!(["decode"])).toBeUndefined();
    expect(plugin.services.logs.map(({ message }) => message)).toEqual([
      'there is a decider for prefill, but no scheduling profile "prefill": the stage never runs',
      'there is a decider for encode, but no scheduling profile "encode": the stage never runs',
    ]);
    expect(plugin.profileHandler!.next(request, runOf(["decode"], { decode: D }))).toEqual([]);
  });

  it("notes for the record what became of each stage and why", async () => {
    const { profileHandler } = await both(no, yes);
    const run = runOf(ALL, { decode: D });
    profileHandler!.next(createTestRequest(), run);
    expect(run.notes).toEqual(["encode: runs: long"]);
    const second = runOf(ALL, { decode: D, encode: undefined });
    profileHandler!.next(createTestRequest(), second);
    expect(second.notes).toEqual(["encode: nobody can do it", "prefill: not run: short"]);
    const last = runOf(ALL, { decode: D, prefill: undefined });
    profileHandler!.next(createTestRequest(), last);
    expect(last.notes).toEqual(["prefill: nobody can do it, decode does both"]);
  });
});

describe("disagg-profile-handler, prefill first", () => {
  it("always prefills, then encodes, then decodes beside the prefill endpoint", async () => {
    const asked: unknown[] = [];
    const decider: Decider = { decide: (_request, endpoint) => asked.push(endpoint) > 0 };
    const { profileHandler } = await handler(
      { stageOrder: "prefill-first", deciders: { encode: "e" } },
      { e: decider },
    );
    const request = createTestRequest();
    const next = (results: Parameters<typeof runOf>[1]) => profileHandler!.next(request, runOf(ALL, results));
    expect(next({})).toEqual(["prefill"]);
    expect(next({ prefill: P })).toEqual(["encode"]);
    expect(asked).toEqual([undefined]);
    expect(next({ prefill: P, encode: E })).toEqual(["decode"]);
    expect(request.locals.get(PeerEndpoint)).toBe(prefill.id);
    expect(next({ prefill: P, encode: E, decode: D })).toEqual([]);
  });

  it("decodes without a peer when prefill finds nobody", async () => {
    const { profileHandler } = await handler({ stageOrder: "PREFILL_FIRST" });
    const request = createTestRequest();
    expect(profileHandler!.next(request, runOf(ALL, { prefill: undefined }))).toEqual(["decode"]);
    expect(request.locals.get(PeerEndpoint)).toBeUndefined();
  });
});

describe("disagg-profile-handler, parameters", () => {
  it("takes the older flat form, with the older name of the decider below the newer one", async () => {
    const names = { decodeProfile: "d", prefillProfile: "p", encodeProfile: "e" };
    const config = {
      ...names,
      deciderPluginName: "old",
      prefillDeciderPluginName: "new",
      encodeDeciderPluginName: "enc",
    };
    const { profileHandler } = await handler(config, { new: yes, enc: no });
    expect(profileHandler!.next(createTestRequest(), runOf(["d", "p", "e"], { d: D }))).toEqual(["p"]);
    const request = createTestRequest();
    profileHandler!.next(request, runOf(["d", "p", "e"], { d: D }));
    expect(request.locals.get(PrefillProfile)).toBe("p");
    const oldest = await handler({ ...names, deciderPluginName: "old" }, { old: yes });
    expect(oldest.profileHandler!.next(createTestRequest(), runOf(["d", "p", "e"], { d: D }))).toEqual(["p"]);
  });

  it("refuses a mixture of both forms, unknown names, and a decider that would never be asked", () => {
    const issues = (config: object) => configIssues(disagg, config).join();
    expect(issues({ profiles: { decode: "d" }, prefillProfile: "p" })).toContain("two forms of the same");
    expect(issues({ deciders: { decode: "d" } })).toContain("deciders");
    expect(issues({ stageOrder: "bogus" })).toContain("must be decode-first or prefill-first");
    expect(issues({ stageOrder: "prefill-first", deciders: { prefill: "p" } })).toContain(
      "leave the prefill decider out",
    );
    expect(issues({ stageOrder: "prefill_first", deciderPluginName: "p" })).toContain("leave the prefill decider out");
  });

  it("needs the decode profile", async () => {
    const { profileHandler } = await handler({});
    expect(profileHandler!.check!(["prefill"])).toContain('"decode", but there are only: prefill');
  });
});

describe("disagg-profile-handler, headers and metrics", () => {
  it("names who prefills and who encodes, and removes what a client sent otherwise", async () => {
    const { postChoice } = await handler({});
    const request = createTestRequest();
    const split = tellChoice(postChoice, request, {
      decode: D,
      prefill: P,
      encode: endpointsAt("10.0.0.1", "fd00::1"),
    });
    expect(split.set).toEqual({
      "x-prefiller-host-port": "10.0.0.5:8000",
      "x-encoder-hosts-ports": "10.0.0.1:8000,[fd00::1]:8000",
    });
    expect(split.removed).toContain("x-prefiller-url");
    const whole = tellChoice(postChoice, request, { decode: D });
    expect(whole.set).toEqual({});
    expect([...whole.removed].sort()).toEqual(["x-encoder-hosts-ports", "x-prefiller-host-port", "x-prefiller-url"]);
    const ipv6 = tellChoice(postChoice, request, { decode: D, prefill: endpointsAt("fd00::1") });
    expect(ipv6.set).toEqual({ "x-prefiller-host-port": "[fd00::1]:8000" });
  });

  it("adds the URL that sidecars of June 2025 read when told to", async () => {
    const { postChoice } = await handler({ legacyPrefillerUrlHeader: true });
    expect(tellChoice(postChoice, createTestRequest(), { decode: D, prefill: P }).set).toEqual({
      "x-prefiller-host-port": "10.0.0.5:8000",
      "x-prefiller-url": "http://10.0.0.5:8000",
    });
  });

  it("counts requests by the stages they got", async () => {
    const { postChoice, services } = await handler({});
    const named = createTestRequest({ model: "m" });
    tellChoice(postChoice, named, { decode: D });
    for (let i = 0; i < 2; i += 1) tellChoice(postChoice, named, { decode: D, prefill: P });
    tellChoice(postChoice, named, { decode: D, encode: E });
    tellChoice(postChoice, createTestRequest({ model: "" }), { decode: D, encode: E, prefill: P });
    const count = (decision_type: string, model_name = "m") =>
      services.metrics.get(`disagg_decision_total{model_name=${model_name},decision_type=${decision_type}}`);
    expect(count("decode-only")).toBe(1);
    expect(count("prefill-decode")).toBe(2);
    expect(count("encode-decode")).toBe(1);
    expect(count("encode-prefill-decode", "unknown")).toBe(1);
  });
});
