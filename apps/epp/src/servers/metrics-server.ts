import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { listen } from "./listen.ts";
import type { AccessStatus } from "./metrics-access.ts";

/** PEM texts. */
export interface MetricsTls {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** Only clients with a certificate of this authority are let in. */
  readonly clientCa?: Buffer;
}

export interface MetricsServerOptions {
  readonly host: string;
  readonly port: number;
  readonly contentType: string;
  readonly page: () => Promise<string>;
  readonly tls?: MetricsTls | undefined;
  /** Who may read the page, by the header `authorization`; everybody without it. */
  readonly access?: ((authorization: string | undefined) => Promise<AccessStatus>) | undefined;
}

const refusals: Readonly<Record<Exclude<AccessStatus, 200>, string>> = {
  401: "a bearer token that the cluster accepts is needed\n",
  403: "this user may not get /metrics\n",
  503: "the cluster cannot be asked who this is\n",
};

/** Serves `/metrics` and nothing else. */
export async function createMetricsServer(
  options: MetricsServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { tls } = options;
  const answer: RequestListener = async (request, response) => {
    const text = (status: number, body: string): void => {
      response.writeHead(status, { "content-type": "text/plain" }).end(body);
    };
    try {
      if (request.url?.split("?")[0] !== "/metrics") return text(404, "only /metrics is here\n");
      const status = (await options.access?.(request.headers.authorization)) ?? 200;
      if (status === 401) response.setHeader("www-authenticate", "Bearer");
      if (status !== 200) return text(status, refusals[status]);
      const page = await options.page();
      response.writeHead(200, { "content-type": options.contentType }).end(page);
    } catch (error) {
      text(500, `${String(error)}\n`);
    }
  };
  const server =
    tls === undefined
      ? createServer(answer)
      : createTlsServer(
          {
            key: tls.key,
            cert: tls.cert,
            ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
          answer,
        );
  await listen(server, options.host, options.port, "metrics");
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

/** Ends a server and every connection to it. */
export function closeServer(server: Pick<Server, "close" | "closeAllConnections">): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
