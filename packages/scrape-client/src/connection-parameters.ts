import { z } from "zod";
import { durationPattern, parseDurationMs } from "./duration.ts";

export interface ConnectionDefaults {
  readonly path: string;
  /** Milliseconds; absent = as often as the host scrapes. */
  readonly intervalMs?: number;
}

/** The longest pause that makes sense: everything scraped is stale long before. */
const longestIntervalMs = 3_600_000;

const wrongInterval = "must be a duration such as 100ms or 1m30s, or a number of milliseconds, from 1ms to 1h";

const interval = z
  .union(
    [
      z.number().min(1, wrongInterval).max(longestIntervalMs, wrongInterval),
      z.string().regex(durationPattern, wrongInterval),
    ],
    {
      error: wrongInterval,
    },
  )
  .transform((given, context) => {
    const ms = typeof given === "number" ? given : parseDurationMs(given)!;
    if (ms >= 1 && ms <= longestIntervalMs) return ms;
    context.addIssue({ code: "custom", message: wrongInterval });
    return z.NEVER;
  });

/**
 * The parameters of a plugin that GETs one path of each endpoint, named as in llm-d. Strict.
 * The output has `interval` in milliseconds, or undefined to leave it to the host.
 */
export function connectionParameters(defaults: ConnectionDefaults) {
  return z
    .strictObject({
      scheme: z.enum(["http", "https"]).default("http").describe("Protocol to ask with."),
      path: z
        .string()
        .regex(/^\/[\x21-\x7e]*$/, "must begin with / and have no blanks")
        .default(defaults.path)
        .describe("Path to ask for."),
      port: z.int().min(1).max(65_535).optional().describe("Port to ask; absent = the endpoint's own port."),
      insecureSkipVerify: z
        .boolean()
        .optional()
        .describe("Accept any certificate of the server. Default: true, but false when caCertPath is given."),
      caCertPath: z
        .string()
        .min(1)
        .optional()
        .describe("PEM file of the authorities that sign the servers' certificates."),
      clientCertPath: z.string().min(1).optional().describe("PEM file of the certificate to show to the servers."),
      clientKeyPath: z.string().min(1).optional().describe("PEM file of that certificate's key."),
      interval: (defaults.intervalMs === undefined
        ? interval.optional()
        : interval.default(defaults.intervalMs)
      ).describe(
        "Pause between two scrapes of one endpoint: a duration such as 100ms, or a number of milliseconds. Absent = the host's.",
      ),
      maxBodyBytes: z
        .int()
        .min(1)
        .max(1_073_741_824)
        .default(8_388_608)
        .describe("Largest answer that is read, in bytes; a larger one is an error and closes the connection."),
    })
    .superRefine((given, context) => {
      for (const [one, other] of [
        ["clientCertPath", "clientKeyPath"],
        ["clientKeyPath", "clientCertPath"],
      ] as const) {
        if (given[one] !== undefined && given[other] === undefined) {
          context.addIssue({ code: "custom", path: [other], message: `is needed, because ${one} is given` });
        }
      }
    });
}

/** What {@link connectionParameters} admits, with defaults filled in. */
export type ConnectionParameters = z.output<ReturnType<typeof connectionParameters>>;
