import type {
  Attribute,
  Endpoint,
  Filter,
  NumberAttribute,
  Picker,
  ProfileHandler,
  RequestView,
  Scorer,
} from "@pointsman/plugin-api";
import {
  CandidateList,
  type EndpointTable,
  type Named,
  type Profile,
  type RowValues,
  Scheduler,
  type WeightedScorer,
} from "../src/index.ts";

/** A table of endpoints `e0`, `e1`, … whose columns are counted, so that tests see what is shared. */
export class TestTable implements EndpointTable {
  readonly endpoints: readonly Endpoint[];
  readonly columns = new Map<string, Float64Array>();
  requestValues: RowValues | undefined;

  constructor(size: number) {
    this.endpoints = Array.from({ length: size }, (_, row) => this.#endpoint(row));
  }

  column(attribute: NumberAttribute): Float64Array {
    const unknown = new Float64Array(this.endpoints.length).fill(Number.NaN);
    if (attribute.scope !== "request") return this.columns.get(attribute.source) ?? unknown;
    const values = this.requestValues?.get(attribute.source);
    return values instanceof Float64Array ? values : unknown;
  }

  #endpoint(row: number): Endpoint {
    const get = (attribute: Attribute): unknown => {
      const values =
        attribute.scope === "request" ? this.requestValues?.get(attribute.source) : this.columns.get(attribute.source);
      return values?.[row];
    };
    return {
      id: `default/e${row}`,
      namespace: "default",
      name: `e${row}`,
      address: `10.0.0.${row}:8000`,
      host: `10.0.0.${row}`,
      port: 8000,
      rank: 0,
      labels: {},
      get: <Value>(attribute: Attribute<Value>) => get(attribute as Attribute) as Value | undefined,
      ageMs: () => undefined,
    };
  }
}

export function candidatesOf(size: number): CandidateList {
  return new CandidateList(new TestTable(size));
}

/** What the scheduler passes on without looking at it; `random` is a small seeded generator. */
export function createRequest(seed = 1): RequestView {
  let state = seed;
  const random = (): number => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
  return { id: "request", random } as Partial<RequestView> as RequestView;
}

/** Gives each endpoint the score it has in the list, by its name. */
export function scorer(name: string, weight: number, scores: readonly number[]): WeightedScorer {
  const capability: Scorer = {
    score: (_request, candidates, out) => {
      candidates.forEach((endpoint, i) => {
        out[i] = scores[rowOf(endpoint)]!;
      });
    },
  };
  return { name, weight, capability };
}

/** Keeps the endpoints with these numbers. */
export function filter(
  name: string,
  kept: readonly number[],
  empties: Filter["empties"] = "ineligible",
): Named<Filter> {
  return {
    name,
    capability: {
      empties,
      filter: (_request, candidates, keep) => {
        candidates.forEach((endpoint, i) => {
          if (!kept.includes(rowOf(endpoint))) keep[i] = 0;
        });
      },
    },
  };
}

/** The highest totals first, ties in uniformly random order at every rank: shuffled, then sorted by a stable sort. */
export function maxScorePicker(maxNumOfEndpoints = 1): Named<Picker> {
  const pick: Picker["pick"] = (request, candidates, totals, ranked) => {
    const order = [...candidates.keys()];
    for (let i = order.length - 1; i > 0; i -= 1) {
      const j = Math.floor(request.random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    order.sort((a, b) => totals[b]! - totals[a]!);
    const count = Math.min(maxNumOfEndpoints, order.length);
    for (let i = 0; i < count; i += 1) ranked[i] = order[i]!;
    return count;
  };
  return { name: "max-score", capability: { pick } };
}

export function profile(name: string, parts: Partial<Omit<Profile, "name">> = {}): Profile {
  return { name, filters: [], scorers: [], picker: maxScorePicker(), ...parts };
}

/** Runs the given lists of profiles one after the other. */
export function handler(steps: readonly (readonly string[])[], primary: string): Named<ProfileHandler> {
  return {
    name: "handler",
    capability: {
      next: (_request, run) => steps.find((step) => step.some((name) => !run.ran(name))) ?? [],
      primary: () => primary,
    },
  };
}

/** A scheduler that runs the given profiles, the first of them primary. */
export function schedulerOf(...profiles: Profile[]): Scheduler {
  return new Scheduler({ profiles, handler: handler([profiles.map(({ name }) => name)], profiles[0]!.name) });
}

export function addresses(candidates: CandidateList): string[] {
  return candidates.table.endpoints.map(({ address }) => address);
}

export function namesOf(endpoints: readonly Endpoint[] | undefined): string[] | undefined {
  return endpoints?.map(({ name }) => name);
}

export function rowOf(endpoint: Endpoint): number {
  return Number(endpoint.name.slice(1));
}
