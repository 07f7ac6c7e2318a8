import { createTestPool, createTestRequest, setUpPlugin, type TestRequestOptions } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import plugin from "../src/index.ts";

const pool = createTestPool([{ name: "a" }, { name: "b" }]);

/** The class that each of the two endpoints is told. */
async function lengthClass(given: TestRequestOptions, config: object = {}): Promise<number[]> {
  const { producer } = await setUpPlugin(plugin, { config, pool });
  const column = new Float64Array(2).fill(Number.NaN);
  const output = { column: () => column, set: () => {}, setLocal: () => {} };
  await producer!.produce(createTestRequest(given), pool.candidates(), output);
  return [...column];
}

describe("__TYPE__", () => {
  it("estimates a token for 4 bytes", async () => {
    expect(await lengthClass({ prompt: "hello" })).toEqual([0, 0]);
    expect(await lengthClass({ prompt: "x".repeat(4 * 512) })).toEqual([1, 1]);
    expect(await lengthClass({ prompt: "x".repeat(4 * 4_096) })).toEqual([2, 2]);
  });

  it("counts the tokens of a client that sent tokens", async () => {
    expect(await lengthClass({ prompt: Array.from({ length: 20 }, (_, i) => i) }, { mediumFrom: 20 })).toEqual([1, 1]);
  });

  it("takes its limits from the options", async () => {
    const config = { mediumFrom: 2, longFrom: 3 };
    expect(await lengthClass({ prompt: "12345" }, config)).toEqual([1, 1]);
    expect(await lengthClass({ prompt: "123456789" }, config)).toEqual([2, 2]);
  });
});
