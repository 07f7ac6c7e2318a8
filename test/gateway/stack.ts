import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEpp, type Epp, loadPickerConfig } from "@pointsman/epp";
import { createGateway, type Gateway } from "@pointsman/gateway";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { InFlightRequests } from "@pointsman/plugin-api/keys";
import { createLogger } from "@pointsman/telemetry";

export interface Stack {
  readonly url: string;
  readonly sims: readonly ModelSim[];
  readonly epp: Epp;
  readonly gateway: Gateway;
  /** Resolves when no stream is open and every counter of running requests is 0; throws when that never comes. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

const config = `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- { type: models-data-source, parameters: { interval: 100ms } }
- { type: models-data-extractor }
- { type: model-filter }
- { type: queue-scorer }
- { type: active-request-scorer }
dataLayer:
  sources:
  - pluginRef: models-data-source
    extractors: [{ pluginRef: models-data-extractor }]
`;

/** Two simulators, a picker and a gateway in this process. */
export async function startStack(): Promise<Stack> {
  const dir = mkdtempSync(join(tmpdir(), "pointsman-gateway-"));
  const sims = await Promise.all(
    ["a", "b"].map((name) =>
      createModelSim({ name, ttftMs: 2, interTokenMs: 1, prefillUsPerToken: 0, numBlocks: 100_000 }),
    ),
  );
  const endpointsFile = join(dir, "endpoints.yaml");
  const endpoints = sims.map(({ name, host, port }) => ({ name, address: host, port: String(port) }));
  writeFileSync(endpointsFile, JSON.stringify({ endpoints }));
  const { picker } = await loadPickerConfig({ text: config, cwd: dir, pluginRoots: [], endpointsFile });
  const epp = await createEpp({
    picker: picker!,
    log: createLogger({ level: "silent" }),
    pool: "test",
    ports: { grpc: 0 },
    maxBodyBytes: 1_048_576,
  });
  const gateway = await createGateway({
    host: "127.0.0.1",
    port: 0,
    picker: `127.0.0.1:${epp.ports.grpc}`,
    maxBodyBytes: 4_194_304,
  });
  return {
    url: gateway.url,
    sims,
    epp,
    gateway,
    async idle() {
      const deadline = Date.now() + 10_000;
      for (;;) {
        const inFlight = epp.datastore.snapshot().endpoints.map((endpoint) => endpoint.get(InFlightRequests));
        const running = [...(await epp.metricsPage()).matchAll(/^llm_d_epp_request_running\{.*\} (\S+)$/gm)].map(
          (match) => match[1],
        );
        if (
          epp.activeStreams === 0 &&
          inFlight.every((count) => count === 0) &&
          running.every((count) => count === "0")
        )
          return;
        if (Date.now() > deadline)
          throw new Error(`not idle: ${epp.activeStreams} streams, in flight ${inFlight}, running ${running}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      await gateway.close();
      await epp.drain(0);
      await Promise.all(sims.map((sim) => sim.close()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
