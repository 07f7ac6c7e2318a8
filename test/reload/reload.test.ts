import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createEpp, type Epp, loadPickerConfig, type PickerConfig } from "@pointsman/epp";
import { createGateway, type Gateway } from "@pointsman/gateway";
import { createModelSim, type ModelSim } from "@pointsman/model-sim";
import { InFlightRequests } from "@pointsman/plugin-api/keys";
import { createLogger } from "@pointsman/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const holder = join(import.meta.dirname, "fixtures", "port-holder");
const events: string[] = ((globalThis as { portHolderEvents?: string[] }).portHolderEvents ??= []);

let dir: string;
let port: number;
let sims: ModelSim[];
let epp: Epp;
let gateway: Gateway;

/** A configuration whose scorer, picker and, if asked, port differ. */
function config(variant: number, heldPort: number): string {
  return `
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- { type: queue-scorer }
- { type: active-request-scorer, parameters: { idleThreshold: ${variant % 3} } }
- { type: port-holder-scorer, package: "${holder}", parameters: { port: ${heldPort} } }
- { type: max-score-picker, parameters: { maxNumOfEndpoints: ${1 + (variant % 2)} } }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: ${1 + (variant % 5)} }
  - { pluginRef: active-request-scorer, weight: 2 }
  - { pluginRef: port-holder-scorer }
  - { pluginRef: max-score-picker }
`;
}

async function load(text: string): Promise<PickerConfig> {
  const { picker, diagnostics } = await loadPickerConfig({
    text,
    cwd: dir,
    pluginRoots: [],
    endpointsFile: join(dir, "endpoints.yaml"),
  });
  if (picker === undefined) throw new Error(diagnostics.map(({ message }) => message).join("; "));
  return picker;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: free } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return free;
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-reload-"));
  port = await freePort();
  sims = await Promise.all(
    ["a", "b", "c"].map((name) =>
      createModelSim({ name, ttftMs: 1, interTokenMs: 0, prefillUsPerToken: 0, maxNumSeqs: 256 }),
    ),
  );
  const endpoints = sims.map(({ name, host, port: simPort }) => ({ name, address: host, port: String(simPort) }));
  writeFileSync(join(dir, "endpoints.yaml"), JSON.stringify({ endpoints }));
  epp = await createEpp({
    picker: await load(config(0, port)),
    log: createLogger({ level: "silent" }),
    pool: "reload",
    ports: { grpc: 0 },
  });
  gateway = await createGateway({ host: "127.0.0.1", port: 0, picker: `127.0.0.1:${epp.ports.grpc}` });
});
afterAll(async () => {
  await gateway.close();
  await epp.drain(1_000);
  await Promise.all(sims.map((sim) => sim.close()));
  rmSync(dir, { recursive: true, force: true });
  // Whatever was opened was closed, once.
  const opened = events.filter((event) => event === "opened");
  expect(opened.map(() => "closed")).toEqual(events.filter((event) => event === "closed"));
});

/** Sends requests at a rate until told to stop; resolves with the number of those that failed. */
function sendLoad(ratePerSecond: number): { stop(): Promise<{ sent: number; failed: number }> } {
  let running = true;
  let open = 0;
  const requests: Promise<boolean>[] = [];
  const body = JSON.stringify({ model: "sim-model", max_tokens: 2, messages: [{ role: "user", content: "hello" }] });
  const send = async (): Promise<boolean> => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", body });
    await response.arrayBuffer();
    return response.ok;
  };
  const loop = (async () => {
    const started = performance.now();
    while (running) {
      const due = Math.floor(((performance.now() - started) / 1_000) * ratePerSecond);
      // Bounded, so that a slow machine sends less instead of drowning.
      while (requests.length < due && open < 64) {
        open += 1;
        requests.push(
          send()
            .catch(() => false)
            .finally(() => {
              open -= 1;
            }),
        );
      }
      await setTimeout(5);
    }
  })();
  return {
    async stop() {
      running = false;
      await loop;
      const results = await Promise.all(requests);
      return { sent: results.length, failed: results.filter((ok) => !ok).length };
    },
  };
}

function heapAfterGc(): number {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

const boot = (name: string) => epp.boot.find((plugin) => plugin.name === name);

describe("a reload", () => {
  it("keeps unchanged instances and what they hold, and rebuilds changed ones", async () => {
    const before = events.length;
    await epp.reload(await load(config(1, port)));
    // The port holder has not changed: nothing was opened or closed.
    expect(events.slice(before)).toEqual([]);
    expect(boot("max-score-picker")).toBeDefined();
  });

  it("hands over to the successor of a changed instance, and closes the old one", async () => {
    const before = events.length;
    port = await freePort();
    await epp.reload(await load(config(1, port)));
    expect(events.slice(before)).toEqual(["set up after its predecessor", "opened", "closed"]);
  });

  it("refuses what cannot start, and the old set goes on", async () => {
    const blocker = createServer();
    const taken = await freePort();
    await new Promise<void>((resolve) => blocker.listen(taken, "127.0.0.1", resolve));
    await expect(epp.reload(await load(config(2, taken)))).rejects.toThrow("POINTSMAN_PLUGIN_START_FAILED");
    await new Promise((resolve) => blocker.close(resolve));
    const response = await fetch(`${gateway.url}/v1/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "sim-model", prompt: "x", max_tokens: 1 }),
    });
    expect(response.status).toBe(200);
    await response.text();
  });

  it("200 times under 300 requests a second fails no request, leaks nothing, and leaves counters at 0", async () => {
    for (let i = 0; i < 20; i += 1) await epp.reload(await load(config(i, port)));
    const before = heapAfterGc();
    const load300 = sendLoad(300);
    for (let i = 0; i < 200; i += 1) {
      await epp.reload(await load(config(i, port)));
      await setTimeout(10);
    }
    const { sent, failed } = await load300.stop();
    expect(failed).toBe(0);
    expect(sent).toBeGreaterThan(300);
    await setTimeout(200);
    expect(epp.activeStreams).toBe(0);
    for (const endpoint of epp.datastore.snapshot().endpoints) expect(endpoint.get(InFlightRequests)).toBe(0);
    const grown = (heapAfterGc() - before) / 1_048_576;
    // The decisions of the requests are kept on purpose; 200 plugin sets would be far more.
    expect(grown).toBeLessThan(40);
  }, 180_000);
});
