import { once } from "node:events";
import { readFileSync } from "node:fs";
import http, { type Server } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Endpoint, EndpointChange, Endpoints, Logger, ScrapeIo } from "@pointsman/plugin-api";
import { afterEach, describe, expect, it } from "vitest";
import { connectionParameters, createHttpScraper, ScrapeError } from "../src/index.ts";

const certPath = join(import.meta.dirname, "fixtures/cert.pem");
const keyPath = join(import.meta.dirname, "fixtures/key.pem");
const cert = readFileSync(certPath);
const key = readFileSync(keyPath);

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const task of cleanups.splice(0)) task();
});

async function listen(server: Server): Promise<Endpoint> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { id: "default/a", host: "127.0.0.1", port: (server.address() as AddressInfo).port } as Endpoint;
}

async function scraperWith(parameters: object) {
  const listeners = new Set<(change: EndpointChange) => void>();
  const endpoints = {
    onChange(listener: (change: EndpointChange) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as Endpoints;
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) } as unknown as Logger;
  const stops: (() => void)[] = [];
  const scraper = await createHttpScraper({
    config: connectionParameters({ path: "/metrics" }).parse(parameters),
    format: "prometheus-text",
    accept: "text/plain",
    needs: { endpoints, log },
    onStop: (task) => void stops.push(task),
  });
  const stop = (): void => {
    for (const task of stops) task();
  };
  cleanups.push(stop);
  const io = { signal: new AbortController().signal } as ScrapeIo;
  return {
    scraper,
    warnings,
    stop,
    listeners,
    leave: (endpoint: Endpoint) => {
      for (const listener of listeners) listener({ added: [], removed: [endpoint] });
    },
    body: async (endpoint: Endpoint) => String((await scraper.scrape(endpoint, io))?.body),
  };
}

describe("an HTTP scraper", () => {
  it("hands on the body under its format, with the interval that was configured", async () => {
    const endpoint = await listen(http.createServer((_, response) => response.end("up 1\n")));
    const { scraper } = await scraperWith({ interval: "250ms" });
    expect(scraper.intervalMs).toBe(250);
    expect((await scraperWith({})).scraper.intervalMs).toBeUndefined();
    const payload = await scraper.scrape(endpoint, { signal: new AbortController().signal } as ScrapeIo);
    expect(payload?.format).toBe("prometheus-text");
    expect(String(payload?.body)).toBe("up 1\n");
  });

  it("closes connections when endpoints leave and at stop, and stops listening", async () => {
    const server = http.createServer((_, response) => response.end("up 1\n"));
    const endpoint = await listen(server);
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    const { body, leave, stop, listeners } = await scraperWith({});
    for (const close of [() => leave(endpoint), stop]) {
      await body(endpoint);
      expect(await connections()).toBe(1);
      close();
      while ((await connections()) > 0) await sleep(5);
    }
    expect(listeners.size).toBe(0);
  });

  it("accepts any certificate by default, verifies when told to or when a CA is given", async () => {
    const endpoint = await listen(https.createServer({ cert, key }, (_, response) => response.end("secure")));
    expect(await (await scraperWith({ scheme: "https" })).body(endpoint)).toBe("secure");
    expect(await (await scraperWith({ scheme: "https", caCertPath: certPath })).body(endpoint)).toBe("secure");
    const strict = await scraperWith({ scheme: "https", insecureSkipVerify: false });
    await expect(strict.body(endpoint)).rejects.toThrow(/certificate/);
  });

  it("shows a client certificate", async () => {
    const options = { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true };
    const endpoint = await listen(https.createServer(options, (_, response) => response.end("known")));
    const withCertificate = { scheme: "https", clientCertPath: certPath, clientKeyPath: keyPath };
    expect(await (await scraperWith(withCertificate)).body(endpoint)).toBe("known");
    await expect((await scraperWith({ scheme: "https" })).body(endpoint)).rejects.toThrow(ScrapeError);
  });

  it("says at set-up which certificate file is unusable", async () => {
    const missing = scraperWith({ scheme: "https", caCertPath: "/no/such.pem" });
    await expect(missing).rejects.toMatchObject({
      code: "ERR_SCRAPE_TLS_FILE",
      message: "caCertPath: cannot read /no/such.pem",
    });
    const notPem = scraperWith({ scheme: "https", clientCertPath: import.meta.filename, clientKeyPath: keyPath });
    await expect(notPem).rejects.toMatchObject({ code: "ERR_SCRAPE_TLS_FILE" });
  });

  it("warns about certificates that plain http does not use", async () => {
    expect((await scraperWith({ caCertPath: certPath })).warnings).toEqual([expect.stringContaining("not used")]);
  });
});
