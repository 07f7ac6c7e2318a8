import { type Attribute, defineAttribute, type Endpoint, type RequestView } from "@pointsman/plugin-api";
import { Bench } from "tinybench";
import { CandidateList, type EndpointTable, Scheduler, type WeightedScorer } from "../src/index.ts";

/** Scheduling of one request over 10, 100 and 1 000 endpoints with one filter and four scorers, median µs. */

const attributes = ["queue", "kv", "running", "match"].map((name) =>
  defineAttribute({ id: `bench/${name}`, major: 1, kind: "f64", unit: "1", maxAgeMs: Number.POSITIVE_INFINITY }),
);

function createTable(size: number): EndpointTable {
  const columns = new Map(attributes.map(({ source }) => [source, Float64Array.from({ length: size }, Math.random)]));
  const endpoints = Array.from({ length: size }, (_, row): Endpoint => {
    const host = `10.0.${row >> 8}.${row & 255}`;
    return {
      id: `default/pod-${row}`,
      namespace: "default",
      name: `pod-${row}`,
      address: `${host}:8000`,
      host,
      port: 8000,
      rank: 0,
      labels: {},
      get: <Value>(attribute: Attribute<Value>) => columns.get(attribute.source)?.[row] as Value | undefined,
      ageMs: () => 0,
    };
  });
  return { endpoints, requestValues: undefined, column: ({ source }) => columns.get(source) as Float64Array };
}

const scorers = attributes.map((attribute, i): WeightedScorer => {
  const { id } = attribute;
  if (i % 2 === 0) {
    return {
      name: id,
      weight: i + 1,
      capability: {
        score(_request, candidates, scores) {
          const values = candidates.column(attribute);
          for (let at = 0; at < scores.length; at += 1) scores[at] = 1 - values[at]!;
        },
      },
    };
  }
  return {
    name: id,
    weight: i + 1,
    capability: {
      score(_request, candidates, scores) {
        for (let at = 0; at < scores.length; at += 1) scores[at] = candidates[at]!.get(attribute) ?? Number.NaN;
      },
    },
  };
});

function createScheduler(keepEvery: number): Scheduler {
  return new Scheduler({
    profiles: [
      {
        name: "default",
        filters: [
          {
            name: "filter",
            capability: {
              empties: "ineligible",
              filter(_request, _candidates, keep) {
                for (let at = 0; at < keep.length; at += 1) if (at % keepEvery !== 0) keep[at] = 0;
              },
            },
          },
        ],
        scorers,
        picker: {
          name: "picker",
          capability: {
            pick(_request, _candidates, totals, ranked) {
              let best = 0;
              for (let at = 1; at < totals.length; at += 1) if (totals[at]! > totals[best]!) best = at;
              ranked[0] = best;
              return 1;
            },
          },
        },
      },
    ],
    handler: {
      name: "handler",
      capability: { next: (_request, run) => (run.ran("default") ? [] : ["default"]), primary: () => "default" },
    },
  });
}

const request = { id: "bench", random: Math.random } as Partial<RequestView> as RequestView;

for (const size of [10, 100, 1_000]) {
  const bench = new Bench({ time: 300, warmupTime: 150 });
  const candidates = new CandidateList(createTable(size));
  const cases = { "all survive": createScheduler(1), "every other one survives": createScheduler(2) };
  for (const [name, scheduler] of Object.entries(cases)) {
    bench.add(name, () => void scheduler.schedule(request, candidates));
  }
  await bench.run();
  for (const { name, result } of bench.tasks) {
    if (!("latency" in result)) throw new Error(`${name} did not finish`);
    const micros = (1_000 * result.latency.p50).toFixed(2);
    console.log(`${String(size).padStart(5)} endpoints × 4 scorers, ${name.padEnd(25)} ${micros.padStart(8)} µs`);
  }
}
