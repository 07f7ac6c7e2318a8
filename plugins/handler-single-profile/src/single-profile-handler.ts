import { definePlugin } from "@pointsman/plugin-api";

const NOTHING: readonly string[] = Object.freeze([]);

/** Runs the one configured profile; its choice is the destination. */
export const singleProfileHandler = definePlugin({
  type: "single-profile-handler",
  description: "Runs the one configured profile",
  state: "none",
  setup() {
    return {
      profileHandler: {
        check(profiles) {
          if (profiles.length === 1) return undefined;
          if (profiles.length === 0) return "single-profile-handler needs one scheduling profile, but there is none";
          return `single-profile-handler needs exactly one scheduling profile, but there are ${profiles.length}: ${profiles.join(", ")}`;
        },
        next(_request, run) {
          const only = run.profiles[0];
          return only === undefined || run.ran(only) ? NOTHING : run.profiles;
        },
        primary: (_request, run) => run.profiles[0] ?? "",
      },
    };
  },
});
