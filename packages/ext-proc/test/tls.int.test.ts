import { X509Certificate } from "node:crypto";
import { connect, type PeerCertificate } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createExtProcClient } from "../src/client/ext-proc-client.ts";
import { createSelfSignedIdentity } from "../src/transport/self-signed.ts";
import type { ListenOptions } from "../src/transport/transport.ts";
import { BEnd, H, modes, ROUTE, rejection } from "./machine-harness.ts";
import { type CreateTransport, transports } from "./transports.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startOn(createTransport: CreateTransport, tls?: ListenOptions["tls"]) {
  const transport = createTransport({
    handler: {
      open: () => ({
        route: () => ROUTE,
        bodyTooLarge: () => rejection(413),
        responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "none" }),
        responseBody: (chunk) => chunk,
        end() {},
      }),
    },
  });
  const { port } = await transport.listen({ host: "127.0.0.1", port: 0, ...(tls === undefined ? {} : { tls }) });
  closers.push(() => transport.close());
  return { transport, port };
}

async function kindsOverTls(port: number, ca?: Buffer): Promise<string[]> {
  const client = createExtProcClient({
    address: `127.0.0.1:${port}`,
    tls: ca === undefined ? { verify: false } : { ca },
  });
  closers.push(() => client.close());
  const stream = client.open();
  stream.send(H());
  stream.send(BEnd("x"));
  stream.halfClose();
  const kinds: string[] = [];
  for await (const response of stream) kinds.push(response.kind);
  return kinds;
}

/** Shakes hands and returns the certificate and the protocol that were offered. */
function handshake(
  port: number,
  ca: Buffer,
): Promise<{ certificate: PeerCertificate; alpn: string | false | null; authorized: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", ca, ALPNProtocols: ["h2"], rejectUnauthorized: false }, () => {
      resolve({ certificate: socket.getPeerCertificate(), alpn: socket.alpnProtocol, authorized: socket.authorized });
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("a self-signed identity", () => {
  it("is a certificate that is valid now, for the names it was made for, and signed by its own key", () => {
    const { cert } = createSelfSignedIdentity({
      commonName: "picker",
      altNames: ["epp.local", "10.1.2.3", "fd00::1"],
      validDays: 30,
    });
    const certificate = new X509Certificate(cert);
    expect(certificate.subject).toBe("CN=picker");
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkHost("epp.local")).toBe("epp.local");
    expect(certificate.checkIP("10.1.2.3")).toBe("10.1.2.3");
    expect(certificate.subjectAltName).toBe("DNS:epp.local, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:0:1");
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now());
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  });

  it("writes an end after 2049 in the form that such dates have", () => {
    const { cert } = createSelfSignedIdentity({ validDays: 40 * 365 });
    expect(new Date(new X509Certificate(cert).validTo).getUTCFullYear()).toBeGreaterThan(2049);
  });
});

describe.each(transports)("over %s", (_, createTransport) => {
  const start = (tls?: ListenOptions["tls"]) => startOn(createTransport, tls);

  describe("a self-signed identity", () => {
    it("is trusted by a client that is given it, over ALPN h2", async () => {
      const identity = createSelfSignedIdentity();
      const { port } = await start(identity);
      expect(await handshake(port, identity.cert)).toMatchObject({ alpn: "h2", authorized: true });
      expect(await kindsOverTls(port, identity.cert)).toEqual(["request_headers", "request_body"]);
    });

    it("is made by the transport when asked for, for clients that do not verify", async () => {
      const { port } = await start("self-signed");
      expect(await kindsOverTls(port)).toEqual(["request_headers", "request_body"]);
    });

    it("is refused by a client that trusts another", async () => {
      const { port } = await start("self-signed");
      await expect(kindsOverTls(port, createSelfSignedIdentity().cert)).rejects.toThrow(/status 14/);
    });
  });

  describe("changing the certificate of a running server", () => {
    it("gives new connections the new one and leaves streams that are open alone", async () => {
      const [before, after] = [
        createSelfSignedIdentity({ commonName: "before" }),
        createSelfSignedIdentity({ commonName: "after" }),
      ];
      const { transport, port } = await start(before);
      const client = createExtProcClient({ address: `127.0.0.1:${port}`, tls: { ca: before.cert } });
      closers.push(() => client.close());
      const stream = client.open();
      const answers = stream[Symbol.asyncIterator]();
      stream.send({ ...H(), protocolConfig: modes("BUFFERED") });
      expect((await answers.next()).value).toMatchObject({ kind: "request_headers" });
      transport.setCertificate(after.key, after.cert);
      expect((await handshake(port, after.cert)).certificate.subject.CN).toBe("after");
      stream.send(BEnd("x"));
      expect((await answers.next()).value).toMatchObject({ kind: "request_body" });
    });

    it("keeps the old one when the new one cannot be used", async () => {
      const [identity, other] = [createSelfSignedIdentity({ commonName: "kept" }), createSelfSignedIdentity()];
      const { transport, port } = await start(identity);
      expect(() => transport.setCertificate(other.key, identity.cert)).toThrow(/private key|key values mismatch/);
      expect(() => transport.setCertificate(Buffer.from("no key"), Buffer.from("no certificate"))).toThrow();
      expect((await handshake(port, identity.cert)).certificate.subject.CN).toBe("kept");
    });

    it("is refused where there is no TLS", async () => {
      const { transport } = await start();
      const { key, cert } = createSelfSignedIdentity();
      expect(() => transport.setCertificate(key, cert)).toThrow("does not speak TLS");
    });
  });
});
