import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** The cases of the sidecar that can be replayed, by the room that they are about. */
const catalogue = {
  headersAndRouting: ["A1", "A3", "A4", "A6", "A7", "A9", "A10", "A12", "A13", "A15", "A16"],
  nixlV2: [
    ...[
      "B1",
      "B3",
      "B4",
      "B6",
      "B7",
      "B9",
      "B10",
      "B12",
      "B13",
      "B15",
      "B16",
      "B18",
      "B19",
      "B21",
      "B22",
      "B24",
      "B25",
    ],
  ],
  connectors: [
    ...["C1", "C3", "C4", "C6", "C7", "C9", "C10", "C12", "C13", "C15", "C16", "C18", "C19", "C21", "C22", "C24"],
  ],
  encoderChunksRanksOptions: [
    ...["D1", "D3", "D4", "D6", "D7", "D9", "D10", "D12", "D13", "D15", "D16", "D18", "D19", "D21", "D22", "D24"],
  ],
};

describe("the catalogue of sidecar cases", () => {
  it("has 60 rows, and every row is replayed", () => {
    const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".test.ts"));
    const titles = files.flatMap((file) => [
      ...readFileSync(join(import.meta.dirname, file), "utf8").matchAll(/"([A-D]\d+) [a-z]/g),
    ]);
    const replayed = new Set(titles.map(([, id]) => id!));
    const rows = Object.values(catalogue).flat();
    expect(rows).toHaveLength(60);
    expect([...replayed].sort()).toEqual([...rows].sort());
  });
});
