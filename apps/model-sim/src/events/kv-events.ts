import type { ModelSimOptions } from "../option-table.ts";
import type { CacheWatch } from "./cache-watch.ts";
import type { EventEncoding } from "./event-forms.ts";
import { createKvEventPublisher, type KvEventPublisher } from "./kv-event-publisher.ts";

/** The KV events of one server, as its options want them. */
export interface KvEvents {
  /** For the engine; undefined when events are off. */
  readonly watch: CacheWatch | undefined;
  readonly port: number | undefined;
  readonly replayPort: number | undefined;
  /** @param servingPort port of the server, for the topic. @throws when an address cannot be listened on */
  start(servingPort: number): Promise<void>;
  close(): Promise<void>;
}

export function createKvEvents(options: ModelSimOptions): KvEvents {
  let publisher: KvEventPublisher | undefined;
  if (options.kvEvents === "off") {
    return { watch: undefined, port: undefined, replayPort: undefined, start: async () => {}, close: async () => {} };
  }
  const topicOf = (servingPort: number): string => {
    if (options.kvTopic === "none") return "";
    return options.kvTopic === "auto" ? `kv@${options.host}:${servingPort}@${options.models[0]}` : options.kvTopic;
  };
  return {
    watch: {
      stored: (blocks) => publisher?.stored(blocks),
      removed: (key) => publisher?.removed(key),
    },
    get port() {
      return publisher?.port;
    },
    get replayPort() {
      return publisher?.replayPort;
    },
    async start(servingPort) {
      publisher = await createKvEventPublisher({
        endpoint: options.kvEvents,
        replayEndpoint: options.kvReplay === "off" ? undefined : options.kvReplay,
        topic: topicOf(servingPort),
        encoding: options.kvEncoding as EventEncoding,
        bufferSteps: options.kvBufferSteps,
        blockSize: options.blockSize,
      });
    },
    async close() {
      await publisher?.close();
    },
  };
}
