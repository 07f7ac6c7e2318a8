import type { Endpoints, Logger, Scraper } from "@pointsman/plugin-api";
import type { ConnectionParameters } from "./connection-parameters.ts";
import { createScrapeClient } from "./scrape-client.ts";
import { loadTlsMaterial } from "./tls-material.ts";

export interface HttpScraperOptions {
  readonly config: ConnectionParameters;
  /** Payload format that the extractors are told. */
  readonly format: string;
  /** Media type asked for. */
  readonly accept: string;
  readonly needs: { readonly endpoints: Endpoints; readonly log: Logger };
  readonly onStop: (task: () => void) => void;
}

/**
 * A scraper that GETs `config.path` of each endpoint and hands the body on. Connections are closed when their endpoint
 * leaves the pool, and all of them at stop.
 *
 * @throws ScrapeError `ERR_SCRAPE_TLS_FILE` when certificates cannot be used.
 */
export async function createHttpScraper({
  config,
  format,
  accept,
  needs,
  onStop,
}: HttpScraperOptions): Promise<Scraper> {
  const { scheme, path, port, maxBodyBytes, interval } = config;
  const certificates = [config.caCertPath, config.clientCertPath].filter((file) => file !== undefined);
  if (scheme === "http" && certificates.length > 0) {
    needs.log.warn("certificates are given but the scheme is http: they are not used", { certificates });
  }
  const tls = scheme === "https" ? await loadTlsMaterial(config) : undefined;
  const client = createScrapeClient({ path, port, accept, maxBodyBytes, tls });
  const unsubscribe = needs.endpoints.onChange(({ removed }) => {
    for (const { id } of removed) client.forget(id);
  });
  onStop(() => {
    unsubscribe();
    client.close();
  });
  return {
    ...(interval === undefined ? {} : { intervalMs: interval }),
    scrape: async (endpoint, { signal }) => ({ format, body: await client.get(endpoint, signal) }),
  };
}
