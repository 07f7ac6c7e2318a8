import { afterEach } from "vitest";
import { createModelSim, type ModelSim, type ModelSimOptions } from "../src/index.ts";

const started: ModelSim[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((sim) => sim.close()));
});

/** A server without any waiting times, closed behind the test. */
export async function startSim(options: Partial<ModelSimOptions> = {}): Promise<ModelSim> {
  const sim = await createModelSim({ ttftMs: 0, prefillUsPerToken: 0, interTokenMs: 0, models: ["m"], ...options });
  started.push(sim);
  return sim;
}

/** Long enough that nothing in a test happens by itself. */
export const forever = 3_000_000;

export function post(sim: ModelSim, path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(sim.url + path, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...init.headers },
  });
}

/** Waits for something that happens soon, without relying on how soon. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
