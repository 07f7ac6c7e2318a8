import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { core, definePlugin, type EndpointSink, type EndpointSpec, type Logger } from "@pointsman/plugin-api";
import { z } from "zod";
import { describeChange } from "./describe-change.ts";
import { EndpointsFileError } from "./endpoints-file-error.ts";
import { FileInMotion, type LoadedFile, loadEndpointsFile } from "./load-endpoints-file.ts";
import { watchFile } from "./watch-file.ts";

const config = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe(
      "YAML or JSON file with the endpoints; a relative path counts from the working directory of the process.",
    ),
  watchFile: z.boolean().default(false).describe("Follow changes of the file while running."),
});

/** Endpoints from a file: whole sets, applied at once; a bad file never empties the pool. */
export const fileDiscovery = definePlugin({
  type: "file-discovery",
  description: "Endpoints from a YAML or JSON file, watched and applied atomically",
  stability: "beta",
  config,
  needs: { clock: core.clock, log: core.logger },
  setup({ config, needs }) {
    const path = resolve(config.path);
    return {
      discovery: {
        async discover(sink, signal) {
          const first = await loadSettled(path, signal);
          sink.replace(first.endpoints);
          needs.log.info("endpoints loaded", { path, total: first.endpoints.length });
          if (!config.watchFile) return;
          const onChange = createReloader({ path, sink, log: needs.log, loaded: first.endpoints, signal });
          watchFile({ path, state: first.state, clock: needs.clock, signal, onChange });
        },
      },
    };
  },
});

const attempts = 40;
const pauseMs = 50;

/** Waits for a writer to finish, for two seconds. */
async function loadSettled(path: string, signal: AbortSignal): Promise<LoadedFile> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await loadEndpointsFile(path);
    } catch (error) {
      if (!(error instanceof FileInMotion) || attempt === attempts) throw error;
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

interface ReloaderOptions {
  readonly path: string;
  readonly sink: EndpointSink;
  readonly log: Logger;
  readonly loaded: readonly EndpointSpec[];
  readonly signal: AbortSignal;
}

/** Loads the file again and again; anything wrong leaves the set as it is and is said once. */
function createReloader({ path, sink, log, loaded, signal }: ReloaderOptions): () => Promise<boolean> {
  let current = loaded;
  let complaint: string | undefined;

  return async () => {
    try {
      const { endpoints } = await loadEndpointsFile(path);
      if (signal.aborted) return true;
      const change = describeChange(current, endpoints);
      if (change !== undefined) {
        sink.replace(endpoints);
        current = endpoints;
        log.info("endpoints changed", { path, ...change });
      } else if (complaint !== undefined) log.info("the endpoints file is in order again", { path });
      complaint = undefined;
    } catch (error) {
      if (error instanceof FileInMotion) return false;
      if (signal.aborted) return true;
      const message = error instanceof Error ? error.message : String(error);
      if (message === complaint) return true;
      complaint = message;
      const mistakes = error instanceof EndpointsFileError ? { mistakes: error.mistakes.length } : {};
      log.error("the endpoints file cannot be used; the endpoints stay as they were", {
        path,
        total: current.length,
        error: message,
        ...mistakes,
      });
    }
    return true;
  };
}
