import { configIssues, createTestPool, createTestRequest, pickedBy, setUpPlugin } from "@pointsman/plugin-testkit";
import { describe, expect, it } from "vitest";
import roundRobinPicker from "../src/index.ts";

const pool = createTestPool(["a", "b", "c"].map((name) => ({ name })));
const everybody = pool.candidates();

describe("round-robin-picker", () => {
  it("picks the candidates in turn, whatever the scores", async () => {
    const picker = (await setUpPlugin(roundRobinPicker, { pool })).picker!;
    const picks = Array.from({ length: 7 }, () => pickedBy(picker, createTestRequest(), everybody, [0, 0, 9]).join(""));
    expect(picks).toEqual(["a", "b", "c", "a", "b", "c", "a"]);
  });

  it("names those that would be next as fallbacks", async () => {
    const picker = (await setUpPlugin(roundRobinPicker, { pool, config: { maxNumOfEndpoints: 2 } })).picker!;
    expect(pickedBy(picker, createTestRequest(), everybody, [0, 0, 0])).toEqual(["a", "b"]);
    expect(pickedBy(picker, createTestRequest(), everybody, [0, 0, 0])).toEqual(["b", "c"]);
    expect(pickedBy(picker, createTestRequest(), everybody, [0, 0, 0])).toEqual(["c", "a"]);
  });

  it("stays in range when there are fewer candidates than before", async () => {
    const picker = (await setUpPlugin(roundRobinPicker, { pool })).picker!;
    pickedBy(picker, createTestRequest(), everybody, [0, 0, 0]);
    pickedBy(picker, createTestRequest(), everybody, [0, 0, 0]);
    const alone = everybody.narrow(Uint8Array.of(0, 1, 0));
    expect(pickedBy(picker, createTestRequest(), alone, [0])).toEqual(["b"]);
  });

  it("refuses to name nobody", () => {
    expect(configIssues(roundRobinPicker, { maxNumOfEndpoints: 0 })).toEqual([
      expect.stringMatching(/^maxNumOfEndpoints: /),
    ]);
  });
});
