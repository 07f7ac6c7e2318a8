import { z } from "zod";
import { parseRedisAddress } from "./address.ts";

/** Fields of `redisConfig` in every plugin that has one. */
export const redisConfigFields = {
  address: z
    .string()
    .superRefine((text, context) => {
      try {
        parseRedisAddress(text);
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
      }
    })
    .default("redis://127.0.0.1:6379")
    .describe(
      "`host:port`, `redis://`, `rediss://` (TLS), `valkey://`, `unix://`, `redis+cluster://host,host` or `redis+sentinel://host,host/master`; user, password and database as in URLs.",
    ),
  username: z.string().min(1).optional().describe("Instead of the one in the address."),
  password: z.string().min(1).optional().describe("Instead of the one in the address."),
  caCertPath: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of the authorities that sign the server's certificate; absent = those of Node."),
  clientCertPath: z.string().min(1).optional().describe("PEM file of the certificate to show to the server."),
  clientKeyPath: z.string().min(1).optional().describe("PEM file of that certificate's key."),
  serverName: z.string().min(1).optional().describe("Name in the server's certificate; absent = the host."),
  insecureSkipVerify: z.boolean().default(false).describe("Accept any certificate of the server."),
};
