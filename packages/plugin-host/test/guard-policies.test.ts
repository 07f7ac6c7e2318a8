import type { Capabilities, Endpoint, ParsedRequest, Parser, ParserInput } from "@pointsman/plugin-api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { currentInstance, enterInstance } from "../src/guard/current-instance.ts";
import { candidatesOf, completion, guard, request, runOf, settled } from "./guards.ts";

const boom = () => {
  throw new Error("boom");
};
const rejects = (async () => boom()) as never;
const endpoint = {} as Endpoint;
const A = Number.NaN;

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => void process.on("unhandledRejection", note));
afterEach(async () => {
  await settled();
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

describe("a scorer", () => {
  const score = (scorer: Capabilities["scorer"], size = 3) => {
    const it = guard({ scorer: scorer! });
    const scores = new Float64Array(size).fill(A);
    it.guarded.scorer!.score(request, candidatesOf(size), scores);
    return { scores: [...scores], meter: it.meterOf("scorer") };
  };

  it("that throws half-way abstains for all", () => {
    const half = (_r: unknown, _c: unknown, scores: Float64Array) => {
      scores[0] = 1;
      boom();
    };
    const { scores, meter } = score({ score: half });
    expect(scores).toEqual([A, A, A]);
    expect([meter.calls, meter.errors, (meter.lastError as Error).message]).toEqual([1, 1, "boom"]);
  });

  it("that is asynchronous abstains, whether its promise rejects or not", () => {
    const late = async (_r: unknown, _c: unknown, scores: Float64Array) => void scores.fill(1);
    expect(score({ score: late as never }).scores).toEqual([A, A, A]);
    const { meter } = score({ score: rejects });
    expect((meter.lastError as Error).message).toBe("the call returned a promise, but it must be synchronous");
  });

  it("keeps its finite scores; infinite ones abstain, and all outside of 0 to 1 are counted once per call", () => {
    const { scores, meter } = score({ score: (_r, _c, out) => out.set([Infinity, -2, 0.5]) });
    expect(scores).toEqual([A, -2, 0.5]);
    expect([meter.corrected, meter.errors]).toEqual([1, 0]);
    expect(score({ score: (_r, _c, out) => out.set([0, 1, A]) }).meter.corrected).toBe(0);
  });
});

describe("a filter", () => {
  const run = (write: (keep: Uint8Array) => unknown, own?: "reject" | "pass", entry = {}) => {
    const it = guard(
      {
        filter: {
          empties: "overloaded",
          ...(own === undefined ? {} : { onError: own }),
          filter: (_r, _c, keep) => write(keep) as never,
        },
      },
      entry,
    );
    const keep = new Uint8Array(3).fill(1);
    it.guarded.filter!.filter(request, candidatesOf(3), keep);
    return { keep: [...keep], errors: it.meterOf("filter").errors, filter: it.guarded.filter! };
  };

  it("that fails lets everybody pass unless it says otherwise, and the configuration has the last word", () => {
    expect(run(boom).keep).toEqual([1, 1, 1]);
    expect(run(boom, "reject").keep).toEqual([0, 0, 0]);
    expect(run(boom, "reject", { onError: "pass" }).keep).toEqual([1, 1, 1]);
    expect(run(boom, "pass", { onError: "reject" }).keep).toEqual([0, 0, 0]);
    // An option for admitters means nothing to a filter.
    expect(run(boom, "reject", { onError: "admit" }).keep).toEqual([0, 0, 0]);
  });

  it("fails when it writes anything but 0 and 1, or is asynchronous", () => {
    expect(run((keep) => void (keep[1] = 2), "reject")).toMatchObject({ keep: [0, 0, 0], errors: 1 });
    expect(run(rejects)).toMatchObject({ keep: [1, 1, 1], errors: 1 });
    expect(run((keep) => void (keep[1] = 0))).toMatchObject({ keep: [1, 0, 1], errors: 0 });
  });

  it("keeps what it declares about an empty result", () => {
    expect(run(() => {}, "reject").filter).toMatchObject({ empties: "overloaded", onError: "reject" });
  });
});

describe("a picker", () => {
  const pick = (call: (ranked: Uint32Array) => unknown, random = 0.5) => {
    const it = guard({ picker: { pick: (_r, _c, _t, ranked) => call(ranked) as number } });
    const ranked = new Uint32Array(4).fill(0xffff_ffff);
    const seen: string[] = [];
    const asking = {
      ...request,
      random: () => {
        seen.push(currentInstance());
        return random;
      },
    };
    const count = it.guarded.picker!.pick(asking, candidatesOf(4), new Float64Array(4), ranked);
    return { picked: [...ranked.subarray(0, count)], errors: it.meterOf("picker").errors, seen };
  };

  const rank = (ranked: Uint32Array, picks: number[], count = picks.length): number => {
    ranked.set(picks);
    return count;
  };

  it.each<[string, (ranked: Uint32Array) => unknown]>([
    ["throws", boom],
    ["returns a promise", rejects],
    ["returns nothing", () => undefined],
    ["picks nobody", () => 0],
    ["returns more than there are", () => 5],
    ["counts more than it wrote", (ranked) => rank(ranked, [1], 2)],
    ["names a stranger", (ranked) => rank(ranked, [4])],
    ["names one twice", (ranked) => rank(ranked, [1, 2, 1])],
    ["returns half a candidate", () => 1.5],
  ])("that %s is replaced by a uniformly random choice", (_, call) => {
    expect(pick(call, 0)).toMatchObject({ picked: [0], errors: 1 });
    expect(pick(call, 0.99)).toMatchObject({ picked: [3], errors: 1 });
    // Drawn from the picker's own random numbers, so that a replay is exact.
    expect(pick(call).seen).toEqual(["it"]);
  });

  it("that works has its way", () => {
    expect(pick((ranked) => rank(ranked, [3, 0]))).toEqual({ picked: [3, 0], errors: 0, seen: [] });
  });
});

describe("an admitter", () => {
  const admit = (call: () => unknown, entry = {}, own?: "admit" | "refuse") => {
    const it = guard({ admitter: { ...(own && { onError: own }), admit: call as never } }, entry);
    return [it.guarded.admitter!.admit(request, candidatesOf(1))?.status, it.meterOf("admitter").errors];
  };

  it("refuses by what it returns", () => {
    expect(admit(() => ({ status: 429, code: "Busy", message: "later" }))).toEqual([429, 0]);
    expect(admit(() => undefined)).toEqual([undefined, 0]);
    expect(admit(() => null)).toEqual([undefined, 0]);
  });

  it.each<[string, () => unknown]>([
    ["throws", boom],
    ["returns a promise", rejects],
    ["refuses without a status", () => ({ code: "Busy" })],
    ["refuses with a status that is no refusal", () => ({ status: 200 })],
  ])("that %s admits, or refuses where it or the configuration says so", (_, call) => {
    expect(admit(call)).toEqual([undefined, 1]);
    expect(admit(call, {}, "refuse")).toEqual([503, 1]);
    expect(admit(call, { onError: "admit" }, "refuse")).toEqual([undefined, 1]);
    expect(admit(call, { onError: "refuse" })).toEqual([503, 1]);
  });

  it.each<[string, () => unknown, number, number]>([
    ["works", () => 1.5, 1.5, 0],
    ["throws", boom, 0, 1],
    ["returns a promise", rejects, 0, 1],
    ["measures NaN", () => Number.NaN, 0, 1],
    ["measures less than nothing", () => -1, 0, 1],
  ])("reports a saturation when its detector %s", (_, call, expected, errors) => {
    const it = guard({ admitter: { admit: () => undefined, saturation: call as never } });
    expect(it.guarded.admitter!.saturation!(candidatesOf(1))).toBe(expected);
    expect(it.meterOf("admitter").errors).toBe(errors);
    expect(guard({ admitter: { admit: () => undefined } }).guarded.admitter!.saturation).toBeUndefined();
  });
});

describe("a profile handler", () => {
  const handlerOf = (next: () => unknown, primary: () => unknown) =>
    guard({ profileHandler: { next: next as never, primary: primary as never } });

  it.each<[string, () => unknown]>([
    ["throws", boom],
    ["returns a promise", rejects],
    ["returns one name instead of a list", () => "b"],
  ])("whose next() %s leaves the first configured profile alone", (_, next) => {
    const { guarded, meterOf } = handlerOf(next, () => "b");
    expect(guarded.profileHandler!.next(request, runOf(["a", "b"]))).toEqual(["a"]);
    expect(guarded.profileHandler!.next(request, runOf(["a", "b"], ["a"]))).toEqual([]);
    expect(meterOf("profileHandler").errors).toBe(2);
  });

  it.each<[string, () => unknown]>([
    ["throws", boom],
    ["returns a promise", rejects],
    ["names one that did not run", () => "a"],
  ])("whose primary() %s gets the first of those that ran", (_, primary) => {
    const { guarded, meterOf } = handlerOf(() => [], primary);
    expect(guarded.profileHandler!.primary(request, runOf(["a", "b", "c"], ["c", "b"]))).toBe("b");
    expect(meterOf("profileHandler").errors).toBe(1);
  });

  it("that fails leaves its fallback profile alone, where that one exists", () => {
    const profileHandler = { fallback: "b", next: boom as never, primary: boom as never };
    const { guarded } = guard({ profileHandler });
    expect(guarded.profileHandler!.next(request, runOf(["a", "b"]))).toEqual(["b"]);
    expect(guarded.profileHandler!.next(request, runOf(["a", "b"], ["b"]))).toEqual([]);
    expect(guarded.profileHandler!.primary(request, runOf(["a", "b"], ["a", "b"]))).toBe("b");
    expect(guarded.profileHandler!.next(request, runOf(["a", "c"]))).toEqual(["a"]);
  });

  it("may name any profile when none ran: a client that asks for nothing we have is no fault", () => {
    const { guarded, meterOf } = handlerOf(
      () => [],
      () => "nothing",
    );
    guarded.profileHandler!.primary(request, runOf(["a", "b"]));
    expect(meterOf("profileHandler").errors).toBe(0);
  });

  it("that works has its way, and keeps its check of the configuration", () => {
    const { guarded } = guard({
      profileHandler: { check: (profiles) => `not with ${profiles}`, next: () => ["b"], primary: () => "b" },
    });
    expect(guarded.profileHandler!.next(request, runOf(["a", "b"]))).toEqual(["b"]);
    expect(guarded.profileHandler!.primary(request, runOf(["a", "b"], ["b"]))).toBe("b");
    expect(guarded.profileHandler!.check!(["a"])).toBe("not with a");
  });
});

describe("a decider", () => {
  it.each<[string, () => unknown, boolean, number]>([
    ["says yes", () => true, true, 0],
    ["says no", () => false, false, 0],
    ["throws", boom, false, 1],
    ["returns a promise", rejects, false, 1],
    ["returns something else", () => "yes", false, 1],
  ])("that %s", (_, decide, expected, errors) => {
    const { guarded, meterOf } = guard({ decider: { decide: decide as never } });
    expect(guarded.decider!.decide(request, endpoint)).toBe(expected);
    expect(meterOf("decider").errors).toBe(errors);
  });

  it("that cannot explain itself is said to have failed", () => {
    const { guarded, meterOf } = guard({ decider: { decide: () => true, explain: boom as never } }, { name: "mine" });
    expect(guarded.decider!.explain!(request, endpoint)).toBe("mine failed");
    expect(meterOf("decider").errors).toBe(1);
    const able = guard({ decider: { decide: () => true, explain: () => "because" } });
    expect(able.guarded.decider!.explain!(request, endpoint)).toBe("because");
  });

  it("answers in its own name, and the one who asked goes on in its own", () => {
    const names: string[] = [];
    const asked = guard({ decider: { decide: () => names.push(currentInstance()) > 0 } }, { name: "asked" });
    const asking = guard(
      {
        profileHandler: {
          next: (_request, run) => {
            names.push(currentInstance());
            asked.guarded.decider!.decide(request, endpoint);
            names.push(currentInstance());
            return run.profiles;
          },
          primary: () => "a",
        },
      },
      { name: "asking" },
    );
    enterInstance("");
    asking.guarded.profileHandler!.next(request, runOf(["a"]));
    expect([...names, currentInstance()]).toEqual(["asking", "asked", "asking", ""]);
  });
});

describe("a producer", () => {
  it.each<[string, () => unknown]>([
    ["throws", boom],
    ["rejects", rejects],
  ])("that %s leaves its keys absent and the request alone", async (_, produce) => {
    const { guarded, meterOf } = guard({ producer: { timeoutMs: 7, produce: produce as never } });
    expect(guarded.producer!.timeoutMs).toBe(7);
    expect(await guarded.producer!.produce(request, candidatesOf(1), {} as never)).toBeUndefined();
    expect(meterOf("producer").errors).toBe(1);
  });

  it("that is synchronous is not waited for", () => {
    const { guarded, meterOf } = guard({ producer: { produce() {} } });
    expect(guarded.producer!.produce(request, candidatesOf(1), {} as never)).toBeUndefined();
    expect(meterOf("producer").calls).toBe(1);
  });
});

describe("hooks", () => {
  const hooks = (call: () => unknown): Capabilities => ({
    preCall: call as never,
    postChoice: call as never,
    responseHeaders: call as never,
    responseChunk: call as never,
    afterResponse: call as never,
  });

  it.each<[string, () => unknown]>([
    ["throw", boom],
    ["reject", rejects],
  ])("that %s are counted, and nobody else notices", async (_, call) => {
    const { guarded, meterOf } = guard(hooks(call));
    await guarded.preCall!(request, {} as never);
    expect(guarded.postChoice!(request, {} as never)).toBeUndefined();
    expect(guarded.responseHeaders!(request, {} as never)).toBeUndefined();
    expect(guarded.responseChunk!(request, new Uint8Array(), true)).toBeUndefined();
    expect(guarded.afterResponse!(request, completion)).toBeUndefined();
    await settled();
    const names = ["preCall", "postChoice", "responseHeaders", "responseChunk", "afterResponse"] as const;
    expect(names.map((name) => meterOf(name).errors)).toEqual([1, 1, 1, 1, 1]);
  });

  it("may be methods of a class instance with private state", async () => {
    class Counting {
      #ended = 0;
      readonly filter = { empties: "ineligible" as const, filter() {} };
      async preCall(): Promise<void> {
        this.#ended += 1;
      }
      afterResponse(): void {
        this.#ended += 10;
      }
      get ended(): number {
        return this.#ended;
      }
    }
    const instance = new Counting();
    const { guarded, meterOf } = guard(instance);
    await guarded.preCall!(request, {} as never);
    guarded.afterResponse!(request, completion);
    expect([instance.ended, meterOf("preCall").errors, meterOf("afterResponse").errors]).toEqual([11, 0, 0]);
  });
});

describe("a parser", () => {
  const input = { method: "POST", path: "/x", body: Buffer.from("{}") } as Partial<ParserInput> as ParserInput;
  const parsed = { api: "openai-chat", model: "m" } as Partial<ParsedRequest> as ParsedRequest;
  const parserOf = (parts: Partial<Record<keyof Parser, unknown>>) =>
    guard({ parser: { claims: ["x"], parse: () => parsed, ...parts } as Parser });

  it.each<[string, () => unknown]>([
    ["throws", boom],
    ["returns a promise", rejects],
    ["returns nothing", () => undefined],
    ["returns an object without api", () => ({})],
  ])("that %s is skipped", (_, parse) => {
    const { guarded, meterOf } = parserOf({ parse });
    expect(guarded.parser!.parse(input)).toBeUndefined();
    expect(meterOf("parser").errors).toBe(1);
  });

  it("that works has its way, refusals included, and shows what it claims", () => {
    expect(parserOf({}).guarded.parser!.parse(input)).toBe(parsed);
    const refusing = parserOf({
      parse: () => ({ refused: "no messages" }),
      appProtocols: ["h2c"],
    });
    expect(refusing.guarded.parser!.parse(input)).toEqual({ refused: "no messages" });
    expect(refusing.guarded.parser).toMatchObject({ claims: ["x"], appProtocols: ["h2c"] });
    expect(refusing.meterOf("parser").errors).toBe(0);
  });

  it.each<[string, () => unknown]>([
    ["throw", boom],
    ["return promises", rejects],
    ["return no bytes", () => "text"],
  ])("whose rewriting members %s leaves the body as it was", (_, call) => {
    const { guarded, meterOf } = parserOf({ rewriteModel: call, setField: call });
    expect(guarded.parser!.rewriteModel!(input.body, parsed, "n")).toBe(input.body);
    expect(guarded.parser!.setField!(input.body, "a", 1)).toBe(input.body);
    expect(meterOf("parser").errors).toBe(2);
  });

  it("that cannot write an error says so by undefined, and one without such members stays without", () => {
    const { guarded } = parserOf({ errorBody: boom, usageReader: boom });
    expect(guarded.parser!.errorBody!({ status: 400, code: "BadRequest", message: "m" })).toBeUndefined();
    expect(guarded.parser!.usageReader!(parsed, "application/json")).toBeUndefined();
    expect(Object.keys(parserOf({}).guarded.parser!)).toEqual(["claims", "parse"]);
  });

  it("whose usage reader throws has seen no usage, and the reader is not asked again", () => {
    let pushes = 0;
    const reader = {
      push: () => {
        pushes += 1;
        boom();
      },
      end: () => ({ promptTokens: 1, completionTokens: 1, totalTokens: 2, cachedTokens: undefined }),
    };
    const { guarded, meterOf } = parserOf({ usageReader: () => reader });
    const guardedReader = guarded.parser!.usageReader!(parsed, "application/json")!;
    guardedReader.push(new Uint8Array(1));
    guardedReader.push(new Uint8Array(1));
    expect(guardedReader.end()).toBeUndefined();
    expect([pushes, meterOf("parser").errors]).toEqual([1, 1]);
  });
});

describe("background capabilities", () => {
  it("are handed out as they are: the loops that run them have their own limits", () => {
    const scraper = { scrape: async () => undefined };
    const extractor = { accepts: [], extract() {} };
    const discovery = { discover: async () => {} };
    const { guarded } = guard({ scraper, extractor, discovery });
    expect(guarded.scraper).toBe(scraper);
    expect(guarded.extractor).toBe(extractor);
    expect(guarded.discovery).toBe(discovery);
  });
});
