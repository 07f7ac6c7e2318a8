import type { Picker, ProfileHandler } from "@pointsman/plugin-api";
import type { Named } from "@pointsman/scheduling";

/** Stands in where no picker is under test: the highest total, ties in random order. */
export const highestTotal: Named<Picker> = {
  name: "highest-total",
  capability: {
    pick(request, _candidates, totals, ranked) {
      const drawn = Array.from(totals, () => request.random());
      const order = [...totals.keys()].sort((a, b) => totals[b]! - totals[a]! || drawn[a]! - drawn[b]!);
      ranked[0] = order[0]!;
      return 1;
    },
  },
};

/** Stands in where no profile handler is under test: every profile once, the first one is primary. */
export const everyProfile: Named<ProfileHandler> = {
  name: "every-profile",
  capability: {
    next: (_request, run) => run.profiles.filter((profile) => !run.ran(profile)),
    primary: (_request, run) => run.profiles[0] ?? "",
  },
};
