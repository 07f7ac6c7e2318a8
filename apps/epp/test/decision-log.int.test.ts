import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DecisionLog } from "../src/decisions/decision-log.ts";
import type { DecisionRecord } from "../src/decisions/decision-record.ts";

let dir: string;
const log = {
  debug() {},
  info() {},
  warn() {},
  error(message: string) {
    errors.push(message);
  },
};
let errors: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pointsman-log-"));
  errors = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

function record(requestId: string): DecisionRecord {
  return {
    requestId,
    at: 0,
    api: "none",
    model: "",
    targetModel: "",
    priority: 0,
    decidedInMs: 0,
    schedulingMs: 0,
    decision: undefined,
    addresses: [],
    updatedAt: new Float64Array(0),
    refusal: undefined,
    served: undefined,
    status: undefined,
    outcome: "ended",
    proxied: undefined,
  };
}

const idsIn = (file: string): string[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).requestId);

it("writes one JSON object a line and rotates by size, keeping the newest older files", async () => {
  const file = join(dir, "decisions.jsonl");
  const decisions = new DecisionLog({ file, maxBytes: 600, keep: 2, log });
  for (let i = 0; i < 12; i += 1) decisions.write(record(`r${i}`));
  await decisions.close();
  const kept = [`${file}.2`, `${file}.1`, file]
    .filter(existsSync)
    .flatMap((name) => (readFileSync(name, "utf8") === "" ? [] : idsIn(name)));
  expect(kept.at(-1)).toBe("r11");
  expect(kept.length).toBeLessThan(12);
  expect(existsSync(`${file}.3`)).toBe(false);
  expect(errors).toEqual([]);
});

it("reports a file it cannot write and goes on", async () => {
  const decisions = new DecisionLog({ file: join(dir, "no", "such", "folder"), maxBytes: 100, keep: 1, log });
  await new Promise((resolve) => setTimeout(resolve, 50));
  decisions.write(record("a"));
  await decisions.close();
  expect(errors).toEqual(["decisions can no longer be recorded"]);
});
