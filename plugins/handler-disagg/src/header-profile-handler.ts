import { definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";

const NOTHING: readonly string[] = Object.freeze([]);

const config = z.strictObject({
  headerName: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)
    .default("EPP-Profile")
    .describe("Request header that names the profile."),
  defaultProfile: z.string().min(1).default("decode").describe("Profile of requests without the header."),
});

/**
 * Runs the profile that a header of the request names, for coordinators that ask once for each stage. With one
 * configured profile that one runs in any case; an unknown name leaves the request without an endpoint.
 */
export const headerProfileHandler = definePlugin({
  type: "header-profile-handler",
  description: "Runs the profile that a request header names, for coordinators that ask once for each stage",
  stability: "alpha",
  config,
  state: "none",
  setup({ config: { headerName, defaultProfile } }) {
    const named = (header: string | undefined): string =>
      header === undefined || header === "" ? defaultProfile : header;
    return {
      profileHandler: {
        fallback: defaultProfile,
        check: (profiles) => (profiles.length === 0 ? "header-profile-handler needs a scheduling profile" : undefined),
        next(request, run) {
          const { profiles } = run;
          if (profiles.some((profile) => run.ran(profile))) return NOTHING;
          const wanted = profiles.length === 1 ? profiles[0]! : named(request.header(headerName));
          if (profiles.includes(wanted)) return [wanted];
          run.note?.("profile", `the request names a profile that does not exist; there are ${profiles.join(", ")}`);
          return NOTHING;
        },
        primary: (_request, run) => run.profiles.find((profile) => run.ran(profile)) ?? defaultProfile,
      },
      // The name is for us alone.
      postChoice: (_request, choice) => choice.removeHeader(headerName),
    };
  },
});
