export { type ConnectionDefaults, type ConnectionParameters, connectionParameters } from "./connection-parameters.ts";
export { durationPattern, parseDurationMs } from "./duration.ts";
export { createHttpScraper, type HttpScraperOptions } from "./http-scraper.ts";
export { createScrapeClient, type ScrapeClient, type ScrapeClientOptions, type ScrapeTarget } from "./scrape-client.ts";
export { ScrapeError, type ScrapeErrorCode } from "./scrape-error.ts";
export { loadTlsMaterial, type TlsFiles, type TlsMaterial } from "./tls-material.ts";
