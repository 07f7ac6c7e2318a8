import type { Filter, Picker, ProfileHandler, Scorer } from "@pointsman/plugin-api";

/** A capability with the name of the instance it belongs to. */
export interface Named<Capability> {
  readonly name: string;
  readonly capability: Capability;
}

export interface WeightedScorer extends Named<Scorer> {
  /** Finite and not negative. */
  readonly weight: number;
}

/** A named list of filters, weighted scorers and one picker. */
export interface Profile {
  readonly name: string;
  readonly filters: readonly Named<Filter>[];
  readonly scorers: readonly WeightedScorer[];
  readonly picker: Named<Picker>;
}

export interface SchedulingPlan {
  readonly profiles: readonly Profile[];
  readonly handler: Named<ProfileHandler>;
}
