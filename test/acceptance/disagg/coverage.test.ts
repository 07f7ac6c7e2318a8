import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

/** Every case of scheduling with prefill and decode; the numbers between are those of cases that were merged. */
const cases = "E1 E3 E4 E6 E7 E8 E9 E10 E12 E13 E15 E16 E18 E19 E21 E22 E24 E25 E27 E28".split(" ");

it("every case of disaggregated scheduling is replayed once, under its id", () => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".test.ts"));
  const titles = files.flatMap((file) => [
    ...readFileSync(join(import.meta.dirname, file), "utf8").matchAll(/^ *(?:it|\])\)?\(\s*"(E\d+) /gm),
  ]);
  expect(titles.map(([, id]) => id!).sort()).toEqual([...cases].sort());
});
