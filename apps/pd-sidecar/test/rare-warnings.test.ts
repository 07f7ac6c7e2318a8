import { createLogger } from "@pointsman/telemetry";
import { expect, it } from "vitest";
import { rareWarnings } from "../src/rare-warnings.ts";

it("a warning that comes again and again is told once a second, with what was left out", () => {
  const lines: { msg: string; omitted?: number; n?: number }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  let now = 0;
  const log = rareWarnings(createLogger({ level: "debug", destination }), () => now);
  for (let n = 0; n < 5; n++) log.warn("a", { n });
  log.warn("b");
  log.info("c");
  log.info("c");
  now = 1_000;
  log.warn("a", { n: 9 });
  now = 2_000;
  log.warn("a", { n: 10 });
  expect(lines.map(({ msg, n, omitted }) => [msg, n, omitted])).toEqual([
    ["a", 0, undefined],
    ["b", undefined, undefined],
    ["c", undefined, undefined],
    ["c", undefined, undefined],
    ["a", 9, 4],
    ["a", 10, undefined],
  ]);
});
