import { core, definePlugin } from "@pointsman/plugin-api";
import { connectionParameters, createHttpScraper } from "@pointsman/scrape-client";

const config = connectionParameters({ path: "/metrics" });

/** Fetches the metrics page of each endpoint, for the extractors that the config wires to it. */
export const metricsDataSource = definePlugin({
  type: "metrics-data-source",
  description: "Fetches the Prometheus metrics page of each model server",
  stability: "beta",
  config,
  needs: { endpoints: core.endpoints, log: core.logger },
  async setup({ config, needs, onStop }) {
    const accept = "text/plain;version=0.0.4";
    return { scraper: await createHttpScraper({ config, format: "prometheus-text", accept, needs, onStop }) };
  },
});
