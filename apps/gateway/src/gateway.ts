import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DiagnosticError, diagnostic } from "@pointsman/diagnostics";
import { formatAddress } from "./address.ts";
import { createCounters, type GatewayStats } from "./counters.ts";
import { MAX_HEADER_BYTES } from "./http/inbound-request.ts";
import { Journey, type JourneyParts } from "./journey.ts";
import { completeOptions, type GatewayOptions } from "./options.ts";
import { createPickerClient } from "./picker/picker-client.ts";
import { createCandidates } from "./upstream/candidates.ts";
import { createUpstreamPools } from "./upstream/upstream-pools.ts";

/** A gateway that listens. */
export interface Gateway {
  /** Where clients reach it; the loopback address if it listens on all. */
  readonly url: string;
  readonly port: number;
  stats(): GatewayStats;
  /** Takes no new connections, lets running responses end for up to `timeoutMs`, and closes. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything off at once. */
  close(): Promise<void>;
}

/** The one path that the gateway answers itself: 200, or 503 while it drains. */
export const READY_PATH = "/-/ready";

const KEEP_ALIVE_MS = 75_000;

/**
 * Starts a gateway. It does not wait for the picker: until that can be reached, requests meet the failure mode.
 *
 * @throws TypeError if an option cannot be used
 * @throws DiagnosticError if the address cannot be bound
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const settings = completeOptions(options);
  const counters = createCounters();
  const picker = createPickerClient(settings.picker, settings.pickerTls);
  const pools = createUpstreamPools();
  let draining = false;
  const parts: JourneyParts = {
    settings,
    picker,
    pools,
    candidates: createCandidates(settings.endpoints),
    counters,
    draining: () => draining,
  };

  const serve = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    if (request.url === READY_PATH && (request.method === "GET" || request.method === "HEAD")) {
      response
        .writeHead(draining ? 503 : 200, { "content-type": "text/plain" })
        .end(draining ? "draining\n" : "ready\n");
      return;
    }
    // A connection that went idle during a drain would hold it up until its keep-alive ends.
    response.once("close", () => setImmediate(() => draining && server.closeIdleConnections()));
    void new Journey(parts, request, response).run(expectsContinue);
  };
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Large uploads over slow lines are legitimate.
    requestTimeout: 0,
  });
  // Counted in the journey, which refuses; the parser would drop silently what is beyond.
  server.maxHeadersCount = 0;
  server.on("request", (request, response) => serve(request, response, false));
  server.on("checkContinue", (request, response) => serve(request, response, true));
  try {
    await listen(server, settings.host, settings.port);
  } catch (error) {
    picker.close();
    throw error;
  }
  const { port } = server.address() as { port: number };

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      draining = true;
      const closed = server.listening ? once(server, "close") : Promise.resolve();
      server.close();
      server.closeAllConnections();
      await closed;
      await pools.destroy();
      picker.close();
    })();
    return closing;
  };
  return {
    url: `http://${formatAddress({ host: reachable(settings.host), port })}`,
    port,
    stats: () => ({ ...counters }),
    async drain(timeoutMs) {
      if (draining) return close();
      draining = true;
      const idle = once(server, "close");
      server.close();
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([idle, timeout]);
      clearTimeout(timer);
      await close();
    },
    close,
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const address = formatAddress({ host, port });
    throw new DiagnosticError(
      code === "EADDRINUSE"
        ? diagnostic("POINTSMAN_SERVER_PORT_TAKEN", `The gateway cannot listen on ${address}: the port is taken.`, {
            hint: "Choose another port with --port, or stop the process that listens there.",
          })
        : diagnostic("POINTSMAN_CLI_FLAG_VALUE", `The gateway cannot listen on ${address}.`, {
            hint: "Check --host and --port.",
            cause: error,
          }),
    );
  }
}

function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
