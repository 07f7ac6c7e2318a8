import { defineAttribute, type Picker, type ProfileHandler, type Scorer } from "@pointsman/plugin-api";
import { describe, expect, it } from "vitest";
import { CandidateList, type Named, RequestColumns, Scheduler } from "../src/index.ts";
import {
  candidatesOf,
  createRequest,
  filter,
  handler,
  maxScorePicker,
  namesOf,
  profile,
  schedulerOf,
  scorer,
  TestTable,
} from "./doubles.ts";

describe("when filters leave nothing", () => {
  it.each(["ineligible", "overloaded"] as const)("the last filter says that the rest was %s", (empties) => {
    const other = empties === "ineligible" ? "overloaded" : "ineligible";
    const filters = [filter("first", [1], other), filter("last", [0], empties), filter("not-asked", [], other)];
    const decision = schedulerOf(profile("p", { filters })).schedule(createRequest(), candidatesOf(2));
    expect(decision.picked).toBeUndefined();
    expect(decision.result("p")).toBeUndefined();
    expect(decision.failure).toEqual({ kind: empties, filter: "last" });
    expect(decision.profiles[0]!.removals.map((removal) => removal.filter)).toEqual(["first", "last"]);
  });

  it("neither scorers nor the picker are asked", () => {
    const asked: string[] = [];
    const silent: Scorer = { score: () => void asked.push("scorer") };
    const picker: Picker = { pick: () => asked.push("picker") };
    const scheduler = schedulerOf(
      profile("p", {
        filters: [filter("f", [])],
        scorers: [{ name: "s", weight: 1, capability: silent }],
        picker: { name: "picker", capability: picker },
      }),
    );
    scheduler.schedule(createRequest(), candidatesOf(2));
    expect(asked).toEqual([]);
  });

  it("an empty pool is ineligible, and no filter is to blame or asked", () => {
    const scheduler = schedulerOf(profile("p", { filters: [filter("f", [], "overloaded")] }));
    const decision = scheduler.schedule(createRequest(), candidatesOf(0));
    expect(decision.failure).toEqual({ kind: "ineligible", filter: undefined });
    expect(decision.profiles[0]!.removals).toEqual([]);
  });
});

describe("removals", () => {
  it("are recorded by filter as rows of the table, and a filter that removed nobody leaves no trace", () => {
    const filters = [filter("idle", [0, 1, 2, 3]), filter("role", [1, 2, 3]), filter("load", [0, 1, 3])];
    const decision = schedulerOf(profile("p", { filters })).schedule(createRequest(), candidatesOf(4));
    const [trace] = decision.profiles;
    expect(trace!.removals).toEqual([
      { filter: "role", rows: [0] },
      { filter: "load", rows: [2] },
    ]);
    expect([...trace!.survivors!]).toEqual([1, 3]);
    expect(trace!.survivorCount).toBe(2);
  });

  it("of one profile do not touch another", () => {
    const scheduler = schedulerOf(profile("p", { filters: [filter("f", [0])] }), profile("q"));
    const decision = scheduler.schedule(createRequest(), candidatesOf(3));
    expect(decision.profiles.map(({ survivorCount }) => survivorCount)).toEqual([1, 3]);
  });

  it("count from the subset that was given, so that nobody outside of it is ever chosen", () => {
    const table = new TestTable(5);
    const subset = new CandidateList(table, Uint32Array.of(1, 3, 4));
    const scorers = [scorer("s", 1, [1, 0.2, 1, 0.1, 0.9])];
    const decision = schedulerOf(profile("p", { filters: [filter("f", [0, 1, 2, 3])], scorers })).schedule(
      createRequest(),
      subset,
    );
    expect(decision.profiles[0]!.removals).toEqual([{ filter: "f", rows: [4] }]);
    expect(namesOf(decision.picked)).toEqual(["e1"]);
  });
});

describe("a profile handler", () => {
  it("runs profiles step by step and sees what came of the earlier ones", () => {
    const seen: unknown[] = [];
    const stepping: ProfileHandler = {
      next: (_request, run) => {
        seen.push([run.profiles, run.ran("decode"), namesOf(run.result("decode")?.picked)]);
        return run.ran("decode") ? (run.ran("prefill") ? [] : ["prefill"]) : ["decode"];
      },
      primary: () => "decode",
    };
    const scheduler = new Scheduler({
      profiles: [
        profile("prefill", { filters: [filter("f", [2])] }),
        profile("decode", { filters: [filter("f", [1])] }),
      ],
      handler: { name: "h", capability: stepping },
    });
    const decision = scheduler.schedule(createRequest(), candidatesOf(3));
    expect(seen).toEqual([
      [["prefill", "decode"], false, undefined],
      [["prefill", "decode"], true, ["e1"]],
      [["prefill", "decode"], true, ["e1"]],
    ]);
    expect(decision.profiles.map((trace) => trace.profile)).toEqual(["decode", "prefill"]);
    expect(decision.primary).toBe("decode");
    expect(namesOf(decision.picked)).toEqual(["e1"]);
    expect(namesOf(decision.result("prefill")?.picked)).toEqual(["e2"]);
  });

  it("adds its reasons to the record, within limits", () => {
    const talking: ProfileHandler = {
      next: (_request, run) => {
        if (run.ran("p")) return [];
        run.note?.("prefill", "not run: short");
        for (let i = 0; i < 100; i += 1) run.note?.("more", "x".repeat(10_000));
        return ["p"];
      },
      primary: () => "p",
    };
    const scheduler = new Scheduler({ profiles: [profile("p")], handler: { name: "h", capability: talking } });
    const { notes } = scheduler.schedule(createRequest(), candidatesOf(1));
    expect(notes[0]).toEqual({ stage: "prefill", text: "not run: short" });
    expect(notes.length).toBeLessThanOrEqual(16);
    expect(notes[1]!.text.length).toBeLessThanOrEqual(400);
  });

  it("runs each profile at most once, however often it is named, and nothing that is not configured", () => {
    let rounds = 0;
    const stubborn: ProfileHandler = {
      next: () => {
        rounds += 1;
        return ["p", "p", "stranger"];
      },
      primary: () => "p",
    };
    const scheduler = new Scheduler({ profiles: [profile("p")], handler: { name: "h", capability: stubborn } });
    const decision = scheduler.schedule(createRequest(), candidatesOf(2));
    expect(decision.profiles.map((trace) => trace.profile)).toEqual(["p"]);
    expect(rounds).toBe(2);
  });

  it("rejects the request when the primary profile fails, although another one succeeded", () => {
    const scheduler = schedulerOf(profile("decode", { filters: [filter("f", [], "overloaded")] }), profile("prefill"));
    const decision = scheduler.schedule(createRequest(), candidatesOf(2));
    expect(decision.picked).toBeUndefined();
    expect(decision.failure).toEqual({ kind: "overloaded", filter: "f" });
    expect(decision.result("prefill")?.picked).toHaveLength(1);
  });

  it("goes on without the result of another profile that fails", () => {
    const scheduler = schedulerOf(profile("decode"), profile("prefill", { filters: [filter("f", [])] }));
    const decision = scheduler.schedule(createRequest(), candidatesOf(2));
    expect(decision.picked).toHaveLength(1);
    expect(decision.failure).toBeUndefined();
    expect(decision.result("prefill")).toBeUndefined();
    expect(decision.profiles[1]!.failure).toEqual({ kind: "ineligible", filter: "f" });
  });

  it("rejects the request when the primary profile did not run", () => {
    const scheduler = new Scheduler({ profiles: [profile("p"), profile("q")], handler: handler([["p"]], "q") });
    const decision = scheduler.schedule(createRequest(), candidatesOf(2));
    expect(decision.picked).toBeUndefined();
    expect(decision.failure).toEqual({ kind: "ineligible", filter: undefined });
  });
});

describe("ties", () => {
  it("are broken uniformly at random, at every rank of the fallback list", () => {
    const scheduler = schedulerOf(
      profile("p", { scorers: [scorer("s", 1, [0.5, 1, 0.5, 1, 0.5])], picker: maxScorePicker(5) }),
    );
    const request = createRequest(7);
    const counts = new Map<string, number>();
    const rounds = 6_000;
    for (let round = 0; round < rounds; round += 1) {
      const picked = namesOf(scheduler.schedule(request, candidatesOf(5)).picked)!;
      expect(picked.slice(0, 2).sort()).toEqual(["e1", "e3"]);
      picked.forEach((name, rank) => {
        counts.set(`${name} at ${rank}`, (counts.get(`${name} at ${rank}`) ?? 0) + 1);
      });
    }
    expect(counts.size).toBe(2 * 2 + 3 * 3);
    for (const [place, count] of counts) {
      const expected = rounds / (/e[13]/.test(place) ? 2 : 3);
      // Five standard deviations of a binomial distribution.
      expect(Math.abs(count - expected), place).toBeLessThan(5 * Math.sqrt(rounds / 4));
    }
  });

  it("fall the same way again for the same random numbers", () => {
    const run = () => {
      const scheduler = schedulerOf(profile("p"));
      const request = createRequest(42);
      return Array.from({ length: 20 }, () => namesOf(scheduler.schedule(request, candidatesOf(9)).picked)![0]);
    };
    expect(run()).toEqual(run());
    expect(new Set(run()).size).toBeGreaterThan(3);
  });
});

describe("memory that the scheduler uses again", () => {
  /** Records what each capability finds in its array before it writes. */
  function spies() {
    const found: unknown[] = [];
    return {
      found,
      profile: profile("p", {
        filters: [
          {
            name: "f",
            capability: {
              empties: "ineligible",
              filter: (_request, _candidates, keep) => {
                found.push(["keep", [...keep]]);
                keep[0] = 0;
              },
            },
          },
        ],
        scorers: [
          {
            name: "s",
            weight: 1,
            capability: {
              score: (_request, _candidates, scores) => {
                found.push(["scores", [...scores]]);
                scores.fill(0.5);
              },
            },
          },
        ],
        picker: {
          name: "k",
          capability: {
            pick: (_request, candidates, totals, ranked) => {
              found.push(["totals", [...totals], [...ranked].every((index) => index >= candidates.length)]);
              totals.fill(99);
              ranked.forEach((_, i) => {
                ranked[i] = i;
              });
              return candidates.length;
            },
          },
        },
      }),
    };
  }

  it("shows a request nothing of the one before", () => {
    const { found, profile: spying } = spies();
    const scheduler = schedulerOf(spying);
    const sizes = [3, 3, 2, 200, 3];
    const decisions = sizes.map((size) => scheduler.schedule(createRequest(), candidatesOf(size)));
    expect(found).toEqual(
      sizes.flatMap((size) => [
        ["keep", new Array(size).fill(1)],
        ["scores", new Array(size - 1).fill(Number.NaN)],
        ["totals", new Array(size - 1).fill(0.5), true],
      ]),
    );
    expect(decisions.map(({ picked }) => picked!.length)).toEqual(sizes.map((size) => size - 1));
  });

  it("is not what a decision keeps: a scorer that holds its array changes nothing that is finished", () => {
    const held: Float64Array[] = [];
    const hoarder: Scorer = {
      score: (_request, _candidates, scores) => {
        scores.set([0.25, 0.75]);
        held.push(scores);
      },
    };
    const grabbing: Named<Picker> = {
      name: "k",
      capability: {
        pick: (_request, _candidates, totals, ranked) => {
          held.push(totals);
          ranked[0] = 1;
          return 1;
        },
      },
    };
    const scheduler = schedulerOf(
      profile("p", { scorers: [{ name: "s", weight: 2, capability: hoarder }], picker: grabbing }),
    );
    const { profiles } = scheduler.schedule(createRequest(), candidatesOf(2));
    for (const array of held) array.fill(-1);
    const read = ({ block, offset, length }: { block: Float64Array; offset: number; length: number }) => [
      ...block.subarray(offset, offset + length),
    ];
    expect(read(profiles[0]!.votes[0]!.scores)).toEqual([0.25, 0.75]);
    expect(read(profiles[0]!.totals!)).toEqual([0.5, 1.5]);
    // Nor does it reach into the next request.
    const next = scheduler.schedule(createRequest(), candidatesOf(2));
    expect(read(next.profiles[0]!.totals!)).toEqual([0.5, 1.5]);
  });

  it("does not mix the scores of thousands of decisions", () => {
    const candidates = candidatesOf(50);
    let mark = 0;
    const marking: Scorer = { score: (_request, _candidates, scores) => void scores.fill(mark / 5_000) };
    const scheduler = schedulerOf(profile("p", { scorers: [{ name: "s", weight: 1, capability: marking }] }));
    const decisions = Array.from({ length: 2_000 }, () => {
      mark += 1;
      return scheduler.schedule(createRequest(), candidates);
    });
    decisions.forEach(({ profiles }, i) => {
      const { block, offset, length } = profiles[0]!.votes[0]!.scores;
      expect(length).toBe(50);
      for (const at of [offset, offset + length - 1]) expect(block[at]).toBe((i + 1) / 5_000);
    });
  });
});

describe("calling the scheduler while it runs", () => {
  it("is an error for the inner call and harmless for the outer one", () => {
    let caught: unknown;
    const candidates = candidatesOf(2);
    const nested: Scorer = {
      score: (request, _candidates, scores) => {
        scores.set([0, 1]);
        try {
          scheduler.schedule(request, candidates);
        } catch (error) {
          caught = error;
        }
      },
    };
    const scheduler = schedulerOf(profile("p", { scorers: [{ name: "s", weight: 1, capability: nested }] }));
    expect(namesOf(scheduler.schedule(createRequest(), candidates).picked)).toEqual(["e1"]);
    expect(caught).toEqual(new Error("the scheduler was called while it was running"));
    expect(namesOf(scheduler.schedule(createRequest(), candidates).picked)).toEqual(["e1"]);
  });

  it("is possible again after a capability threw", () => {
    let broken = true;
    const failing: ProfileHandler = {
      next: (_request, run) => {
        if (broken) throw new Error("not guarded");
        return run.ran("p") ? [] : ["p"];
      },
      primary: () => "p",
    };
    const scheduler = new Scheduler({ profiles: [profile("p")], handler: { name: "h", capability: failing } });
    const candidates = candidatesOf(1);
    expect(() => scheduler.schedule(createRequest(), candidates, new RequestColumns(1))).toThrow("not guarded");
    expect(candidates.table.requestValues).toBeUndefined();
    broken = false;
    expect(scheduler.schedule(createRequest(), candidates).picked).toHaveLength(1);
  });
});

describe("values that producers found for a request", () => {
  const Match = defineAttribute({
    id: "test/match",
    major: 1,
    kind: "f64",
    unit: "blocks",
    scope: "request",
    maxAgeMs: Infinity,
  });
  const byMatch: Scorer = {
    score: (_request, candidates, scores) => void scores.set(candidates.column(Match).map((blocks) => blocks / 10)),
  };

  it("are seen by its scorers, also behind filters, and by no other request", () => {
    const candidates = candidatesOf(4);
    const columns = new RequestColumns(4);
    columns.publish(Match, "producer", candidates, Float64Array.of(9, 1, 2, 3));
    const scheduler = schedulerOf(
      profile("p", { filters: [filter("f", [1, 2, 3])], scorers: [{ name: "s", weight: 1, capability: byMatch }] }),
    );
    const scoresOf = (values?: RequestColumns) => {
      const { block, offset, length } = scheduler.schedule(createRequest(), candidates, values).profiles[0]!.votes[0]!
        .scores;
      return [...block.subarray(offset, offset + length)];
    };
    expect(scoresOf(columns)).toEqual([0.1, 0.2, 0.3]);
    expect(scoresOf()).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(candidates.table.requestValues).toBeUndefined();
  });
});
