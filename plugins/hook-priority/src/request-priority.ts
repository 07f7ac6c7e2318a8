import { core, definePlugin } from "@pointsman/plugin-api";
import { z } from "zod";
import { MAX_PRIORITY, MIN_PRIORITY, parsePriorityHeader } from "./priority.ts";
import { WatchedObjectives } from "./watched-objectives.ts";

/** Headers that name the objective; the first that is present counts. */
const OBJECTIVE_HEADER = "x-llm-d-inference-objective";
const OLD_OBJECTIVE_HEADER = "x-gateway-inference-objective";

const priority = z.number().int().min(MIN_PRIORITY).max(MAX_PRIORITY);

const config = z
  .strictObject({
    header: z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "must be the name of a header")
      .optional()
      .describe("Request header whose integer is the priority, before any objective. Absent: no header is asked."),
    minPriority: priority
      .default(MIN_PRIORITY)
      .describe("Lowest priority the header can ask for; lower ones become it."),
    maxPriority: priority
      .default(MAX_PRIORITY)
      .describe("Highest priority the header can ask for; higher ones become it."),
    objectives: z
      .record(z.string().min(1), priority)
      .default({})
      .describe("Priority for each name of an objective. Names in the file win."),
    path: z
      .string()
      .min(1)
      .optional()
      .describe("YAML or JSON file with further objectives, `objectives: {name: priority}`, at most 1 MiB."),
    watchFile: z.boolean().default(true).describe("Whether changes of the file are followed."),
    defaultPriority: priority
      .default(0)
      .describe("Priority of requests that name no objective, or one that is not known."),
  })
  .refine(({ minPriority, maxPriority }) => minPriority <= maxPriority, {
    path: ["minPriority"],
    message: "must not be above maxPriority",
  });

/** Sets the priority of requests from a header, or from the objective they name. */
export const requestPriority = definePlugin({
  type: "request-priority",
  description: "Sets the priority of requests from a header, or from the objective they name",
  config,
  needs: { clock: core.clock, log: core.logger },
  state: "none",
  setup({ config: given, needs: { clock, log } }) {
    const { header, minPriority, maxPriority, defaultPriority, watchFile } = given;
    const inline: ReadonlyMap<string, number> = new Map(Object.entries(given.objectives));
    const file = given.path === undefined ? undefined : new WatchedObjectives(given.path, clock, log);
    return {
      preCall(request, controls) {
        if (header !== undefined) {
          const asked = parsePriorityHeader(request.header(header), minPriority, maxPriority);
          if (asked !== undefined) {
            controls.setPriority(asked);
            return;
          }
        }
        const objective = request.header(OBJECTIVE_HEADER) ?? request.header(OLD_OBJECTIVE_HEADER);
        const known = objective === undefined ? undefined : (file?.current.get(objective) ?? inline.get(objective));
        controls.setPriority(known ?? defaultPriority);
      },
      async start() {
        if (file === undefined) return;
        await file.load();
        if (watchFile) file.watch();
      },
      stop: () => file?.stop(),
    };
  },
});
