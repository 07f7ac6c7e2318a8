import { core, definePlugin } from "@pointsman/plugin-api";
import { ServedModels } from "@pointsman/plugin-api/keys";
import { ScrapeError } from "@pointsman/scrape-client";
import { longestModelName, parseModelList } from "./parse-model-list.ts";

/** Lists are compared by their bytes, so that an unchanged one is neither parsed nor made into a set again. */
interface KnownList {
  readonly body: Uint8Array;
  readonly models: ReadonlySet<string>;
}

/** Longer lists are not kept for comparison. */
const largestKeptBody = 65_536;

/** Reads the names of the models, adapters included, that an endpoint says it serves. */
export const modelsDataExtractor = definePlugin({
  type: "models-data-extractor",
  description: "Names of the models that a model server lists",
  stability: "beta",
  needs: { endpoints: core.endpoints, log: core.logger },
  writes: [ServedModels],
  setup({ needs, onStop }) {
    const known = new Map<string, KnownList>();
    let warned = false;
    onStop(
      needs.endpoints.onChange(({ removed }) => {
        for (const { id } of removed) known.delete(id);
      }),
    );
    return {
      extractor: {
        accepts: ["openai-models"],
        extract(endpoint, { body }, write) {
          const last = known.get(endpoint.id);
          if (last !== undefined && Buffer.compare(last.body, body) === 0) {
            write.set(ServedModels, last.models);
            return;
          }
          const list = parseModelList(new TextDecoder().decode(body));
          if (typeof list === "string") throw new ScrapeError("ERR_SCRAPE_FORMAT", `${endpoint.id}: ${list}`);
          if (list.tooLong > 0 && !warned) {
            warned = true;
            const fields = { endpoint: endpoint.id, names: list.tooLong, longest: longestModelName };
            needs.log.warn("names of models that are too long are left out", fields);
          }
          if (body.length <= largestKeptBody)
            known.set(endpoint.id, { body: Uint8Array.from(body), models: list.models });
          else known.delete(endpoint.id);
          write.set(ServedModels, list.models);
        },
      },
    };
  },
});
