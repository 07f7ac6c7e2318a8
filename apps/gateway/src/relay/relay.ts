import type { ServerResponse } from "node:http";
import type { BodySource } from "../upstream/body-source.ts";

/** What a relay tells of a response body on its way to the client. One of the two comes, once. */
export interface RelayEvents {
  /** The client was given everything. */
  ended(): void;
  /** The model server broke off. */
  broken(): void;
}

/** Hands a body on as it comes, no faster than the client takes it. The response's head was written before. */
export function relayBody(source: BodySource, response: ServerResponse, events: RelayEvents): void {
  response.on("drain", () => source.resume());
  source.start({
    data(chunk) {
      if (!response.write(chunk)) source.pause();
    },
    ended() {
      response.end();
      events.ended();
    },
    failed: () => events.broken(),
  });
}
