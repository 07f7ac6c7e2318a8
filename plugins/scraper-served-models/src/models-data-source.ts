import { core, definePlugin } from "@pointsman/plugin-api";
import { connectionParameters, createHttpScraper } from "@pointsman/scrape-client";

const config = connectionParameters({ path: "/v1/models", intervalMs: 10_000 });

/** Asks each endpoint for its list of models, for the extractors that the config wires to it. */
export const modelsDataSource = definePlugin({
  type: "models-data-source",
  description: "Asks each model server for the list of its models",
  stability: "beta",
  config,
  needs: { endpoints: core.endpoints, log: core.logger },
  async setup({ config, needs, onStop }) {
    return {
      scraper: await createHttpScraper({ config, format: "openai-models", accept: "application/json", needs, onStop }),
    };
  },
});
