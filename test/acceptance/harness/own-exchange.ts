import {
  createExtProcClient,
  createGrpcJsTransport,
  type Exchange,
  type ExchangeControl,
  type ExtProcClient,
  type StreamEnd,
} from "@pointsman/ext-proc";
import { afterAll } from "vitest";

/** The production transport and stream machine around an exchange of the test, for what no plugin can ask for yet. */
export interface OwnExchange {
  readonly client: ExtProcClient;
  /** Controls of the streams, in the order in which they were opened. */
  readonly controls: readonly ExchangeControl[];
  readonly ends: readonly StreamEnd[];
}

/** Serves streams whose requests are all routed to one endpoint; `members` replace what the exchange does. */
export async function serveExchange(members: Partial<Exchange>): Promise<OwnExchange> {
  const controls: ExchangeControl[] = [];
  const ends: StreamEnd[] = [];
  const transport = createGrpcJsTransport({
    handler: {
      open(control) {
        controls.push(control);
        return {
          route: () => ({ kind: "route", destination: "192.168.1.1:8000", setHeaders: [], removeHeaders: [] }),
          bodyTooLarge: () => ({ kind: "reject", status: 413, headers: [], body: Buffer.alloc(0) }),
          responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "glance" }),
          responseBody: (chunk) => chunk,
          end: (end) => void ends.push(end),
          ...members,
        };
      },
    },
  });
  const { port } = await transport.listen({ host: "127.0.0.1", port: 0 });
  const client = createExtProcClient({ address: `127.0.0.1:${port}` });
  afterAll(async () => {
    client.close();
    await transport.close();
  });
  return { client, controls, ends };
}
