import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { setRankHeader } from "./stage-headers.ts";

const NOTHING: readonly string[] = Object.freeze([]);

const config = z.strictObject({
  primaryPort: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8_000)
    .describe("Port of the pod to send requests to; the chosen rank stands in `x-data-parallel-host-port`."),
});

/** Runs the one profile and sends the request to the primary port of the chosen pod, with the chosen rank in a header. */
export const dataParallelProfileHandler = definePlugin({
  type: "data-parallel-profile-handler",
  description: "Runs the one configured profile and names the chosen data-parallel rank in a header",
  config,
  state: "none",
  setup: ({ config: { primaryPort } }) => ({
    profileHandler: {
      check: (profiles) =>
        profiles.length === 1
          ? undefined
          : `data-parallel-profile-handler needs exactly one scheduling profile, but there are ${profiles.length}: ${profiles.join(", ")}`,
      next: (_request, run) => (run.ran(run.profiles[0]!) ? NOTHING : run.profiles),
      primary: (_request, run) => run.profiles[0]!,
    },
    postChoice(_request, choice) {
      setRankHeader(choice, primaryPort);
    },
  }),
});
