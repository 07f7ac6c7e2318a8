import { z } from "zod";
import { parseStageOrder, type StageOrder } from "./stage-order.ts";

const profileName = (text: string) => z.string().min(1).optional().describe(text);
const older = (text: string) => z.string().min(1).optional().describe(text).meta({ deprecated: true });

const nestedMembers = ["profiles", "deciders"] as const;
const flatMembers = [
  "decodeProfile",
  "prefillProfile",
  "encodeProfile",
  "prefillDeciderPluginName",
  "deciderPluginName",
  "encodeDeciderPluginName",
] as const;

export const disaggOptions = z
  .strictObject({
    stageOrder: z
      .string()
      .refine((text) => parseStageOrder(text) !== undefined, { error: "must be decode-first or prefill-first" })
      .default("decode-first")
      .describe("What is scheduled first: `decode-first`, or `prefill-first`, which always splits."),
    profiles: z
      .strictObject({
        decode: profileName("Scheduling profile of the decode stage; `decode` when absent."),
        prefill: profileName("Scheduling profile of the prefill stage; `prefill` when absent."),
        encode: profileName("Scheduling profile of the encode stage; `encode` when absent."),
      })
      .optional()
      .describe("Names of the scheduling profiles."),
    deciders: z
      .strictObject({
        prefill: profileName("Instance that says whether a request gets a prefill stage; without one none does."),
        encode: profileName("Instance that says whether a request gets an encode stage; without one none does."),
      })
      .optional()
      .describe("Instances that decide about stages."),
    legacyPrefillerUrlHeader: z
      .boolean()
      .default(false)
      .describe("Also send `x-prefiller-url: http://host:port`, which sidecars before August 2025 read."),
    decodeProfile: older("Older form of `profiles.decode`."),
    prefillProfile: older("Older form of `profiles.prefill`."),
    encodeProfile: older("Older form of `profiles.encode`."),
    prefillDeciderPluginName: older("Older form of `deciders.prefill`."),
    deciderPluginName: older("Still older form of `deciders.prefill`."),
    encodeDeciderPluginName: older("Older form of `deciders.encode`."),
  })
  .superRefine((given, context) => {
    const nested = nestedMembers.find((name) => given[name] !== undefined);
    const flat = flatMembers.find((name) => given[name] !== undefined);
    if (nested !== undefined && flat !== undefined) {
      const message = `"${nested}" and "${flat}" are two forms of the same; use one form, best "profiles" and "deciders"`;
      context.addIssue({ code: "custom", path: [flat], message });
    }
    const decider = given.deciders?.prefill ?? given.prefillDeciderPluginName ?? given.deciderPluginName;
    if (parseStageOrder(given.stageOrder) === "prefill-first" && decider !== undefined) {
      const message = "prefill-first always runs the prefill stage: leave the prefill decider out";
      context.addIssue({ code: "custom", path: ["stageOrder"], message });
    }
  });

/** What the handler goes by, whichever form it was written in. */
export interface Stages {
  readonly order: StageOrder;
  readonly decode: string;
  readonly prefill: string;
  readonly encode: string;
  readonly prefillDecider: string | undefined;
  readonly encodeDecider: string | undefined;
}

export function stagesOf(options: z.output<typeof disaggOptions>): Stages {
  const { profiles = {}, deciders = {} } = options;
  return {
    order: parseStageOrder(options.stageOrder) ?? "decode-first",
    decode: profiles.decode ?? options.decodeProfile ?? "decode",
    prefill: profiles.prefill ?? options.prefillProfile ?? "prefill",
    encode: profiles.encode ?? options.encodeProfile ?? "encode",
    prefillDecider: deciders.prefill ?? options.prefillDeciderPluginName ?? options.deciderPluginName,
    encodeDecider: deciders.encode ?? options.encodeDeciderPluginName,
  };
}
