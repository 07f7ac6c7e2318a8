import { z } from "zod";

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "is no name of an HTTP header");

const source = z.union([
  z.strictObject({ header: headerName.describe("Request header that holds the session id, in any case.") }),
  z.strictObject({
    attribute: z
      .string()
      .regex(/^(agent-identity|session-id|SessionIDDataKey|[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*@[1-9]\d*)$/)
      .describe(
        "`agent-identity`: the headers by which coding agents name their session; `session-id` (llm-d: `SessionIDDataKey`): the id a producer found; or any request key of text, as `owner/name@major`.",
      ),
    producer: z
      .string()
      .optional()
      .describe("Accepted for llm-d's configs and without effect: one instance writes a request key."),
  }),
]);

/** The parameters of both types. */
export const affinityOptions = z.strictObject({
  strategy: z
    .enum(["encoded_endpoint_header", "session_id"])
    .default("encoded_endpoint_header")
    .describe(
      "`encoded_endpoint_header`: the client sends back a token that names the endpoint, nothing is kept here; `session_id`: the client names its session, and the picker remembers the endpoint.",
    ),
  encodedEndpointHeaderConfig: z
    .strictObject({
      header: headerName
        .default("x-session-token")
        .describe("Header of requests and answers that carries the token, in any case."),
    })
    .prefault({})
    .describe("For the strategy `encoded_endpoint_header`."),
  sessionIdConfig: z
    .strictObject({
      sources: z
        .array(source)
        .min(1)
        .default([{ header: "x-session-id" }])
        .describe("Where the session id is looked for; the first that has one counts."),
      evictionTtlSeconds: z
        .number()
        .positive()
        .default(300)
        .describe("Seconds after its last request at which a session is forgotten."),
      evictionSweepSeconds: z
        .number()
        .positive()
        .default(10)
        .describe("Seconds between two searches for sessions to forget."),
      maxSessions: z
        .number()
        .int()
        .positive()
        .default(100_000)
        .describe("Sessions remembered at most; beyond, the one that was used the longest time ago is forgotten."),
    })
    .prefault({})
    .describe("For the strategy `session_id`."),
  profileName: z.string().default("").describe("Profile whose choice the session keeps; empty = the primary profile."),
});

export type AffinityOptions = z.output<typeof affinityOptions>;
export type SessionSource = AffinityOptions["sessionIdConfig"]["sources"][number];
