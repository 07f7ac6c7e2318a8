import { defineAttribute, type EndpointSpec } from "@pointsman/plugin-api";
import { Datastore } from "../src/index.ts";

export const Queue = defineAttribute({ id: "test/queue", major: 1, kind: "f64", unit: "requests", maxAgeMs: 2_000 });
export const Models = defineAttribute({ id: "test/models", major: 1, kind: "set", unit: "names", maxAgeMs: 60_000 });
export const Zone = defineAttribute({ id: "test/zone", major: 1, kind: "string", unit: "1", maxAgeMs: Infinity });

/** Endpoint `default/<name>`; its address follows from the name unless a host is given. */
export function endpoint(name: string, more: Partial<EndpointSpec> = {}): EndpointSpec {
  return { name, host: `${name}.example`, port: 8000, ...more };
}

/** A datastore with endpoints `a`, `b`, `c` and a clock that only the test moves. */
export function createPool(names: readonly string[] = ["a", "b", "c"]) {
  const clock = { now: 1_000_000 };
  const datastore = new Datastore({ now: () => clock.now });
  datastore.replace(names.map((name) => endpoint(name)));
  return { clock, datastore };
}
