import { once } from "node:events";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { createSelfSignedIdentity } from "@pointsman/ext-proc";
import { afterEach, describe, expect, it } from "vitest";
import { createMetricsServer, type MetricsServerOptions } from "../src/servers/metrics-server.ts";

const served = createSelfSignedIdentity({ commonName: "picker" });
const scraper = createSelfSignedIdentity({ commonName: "scraper" });
const stranger = createSelfSignedIdentity({ commonName: "stranger" });

interface Scrape {
  readonly ca?: string | Buffer;
  readonly identity?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  readonly token?: string;
}

describe("the metrics port with TLS", () => {
  let server: Awaited<ReturnType<typeof createMetricsServer>> | undefined;
  afterEach(() => server?.close());

  async function serve(options: Partial<MetricsServerOptions> & { clientCa?: string | Buffer }): Promise<void> {
    const { clientCa, ...rest } = options;
    const key = Buffer.from(served.key);
    const cert = Buffer.from(served.cert);
    server = await createMetricsServer({
      host: "127.0.0.1",
      port: 0,
      contentType: "text/plain",
      page: async () => "up 1\n",
      tls: { key, cert, ...(clientCa === undefined ? {} : { clientCa: Buffer.from(clientCa) }) },
      ...rest,
    });
  }

  /** One scrape over a connection of its own, with the server's certificate checked. */
  async function scrape({ ca = served.cert, identity, token }: Scrape = {}): Promise<string> {
    const sent = request({
      host: "127.0.0.1",
      port: server!.port,
      path: "/metrics",
      ca,
      agent: false,
      ...(identity === undefined ? {} : { key: identity.key, cert: identity.cert }),
      ...(token === undefined ? {} : { headers: { authorization: token } }),
    }).end();
    const [response] = await once(sent, "response");
    expect((response.socket as TLSSocket).authorized).toBe(true);
    return `${response.statusCode} ${await text(response)}`;
  }

  it("shows its certificate, which a scraper can verify, and speaks no cleartext", async () => {
    await serve({});
    expect(await scrape()).toBe("200 up 1\n");
    await expect(scrape({ ca: stranger.cert })).rejects.toThrow(/self-signed|unable to verify|certificate/);
    await expect(fetch(`http://127.0.0.1:${server!.port}/metrics`)).rejects.toThrow();
  });

  it("lets in only who has a certificate of the authority, where there is one", async () => {
    await serve({ clientCa: scraper.cert });
    expect(await scrape({ identity: scraper })).toBe("200 up 1\n");
    await expect(scrape()).rejects.toThrow();
    await expect(scrape({ identity: stranger })).rejects.toThrow();
    // Strangers leave it as it was.
    expect(await scrape({ identity: scraper })).toBe("200 up 1\n");
  });

  it("asks for the token too, within the handshake's protection", async () => {
    await serve({ clientCa: scraper.cert, access: async (given) => (given === "Bearer good" ? 200 : 401) });
    expect(await scrape({ identity: scraper, token: "Bearer good" })).toBe("200 up 1\n");
    expect(await scrape({ identity: scraper })).toMatch(/^401 /);
  });
});
