import { describe, expect, it } from "vitest";
import { parseMooncakeTrace } from "../src/trace/parse-mooncake-trace.ts";

const line = (timestamp: number, tokens: number, ids: readonly unknown[], output = 5): string =>
  JSON.stringify({ timestamp, input_length: tokens, output_length: output, hash_ids: ids });
const parse = (lines: readonly string[], limit?: number) =>
  parseMooncakeTrace(lines.join("\n"), { name: "t.jsonl", ...(limit === undefined ? {} : { limit }) });

describe("parseMooncakeTrace", () => {
  it("reads one request a line, in the order of arrival, times counted from the first", () => {
    const { trace } = parse([line(3_000, 600, [0, 7]), "", line(1_000, 512, [0])]);
    expect(trace?.requests).toEqual([
      { atMs: 0, inputTokens: 512, outputTokens: 5, blocks: Int32Array.of(0) },
      { atMs: 2_000, inputTokens: 600, outputTokens: 5, blocks: Int32Array.of(0, 1) },
    ]);
    expect(trace).toMatchObject({ name: "t.jsonl", blockTokens: 512, blockCount: 2 });
  });

  it("stops at the limit, before lines it then does not mind", () => {
    expect(parse([line(0, 1, [1]), "nonsense"], 1).trace?.requests).toHaveLength(1);
  });

  it.each([
    ["{", "line 1: not JSON"],
    ["[1]", "line 1: not an object"],
    [line(Number.NaN, 1, [1]), "`timestamp` is no number"],
    [line(0, 0, []), "`input_length` is no number of tokens"],
    [line(0, 1e9, [1]), "`input_length` is no number of tokens"],
    [line(0, 1, [1], -1), "`output_length` is no number of tokens"],
    [line(0, 513, [1]), "1 ids for 513 tokens: one per 512 tokens would be 2"],
    [line(0, 1, [null]), "an id is no number"],
    ['{"timestamp":0,"input_length":1,"output_length":1}', "`hash_ids` is no list"],
  ])("refuses %s", (text, message) => {
    const { trace, diagnostics } = parse([text]);
    expect(trace).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code: "POINTSMAN_REPLAY_TRACE", message: expect.stringContaining(message) }]);
  });

  it("tells the first mistakes and counts the others", () => {
    const { diagnostics } = parse(Array.from({ length: 9 }, () => "x"));
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]?.message).toContain("line 5: not JSON; and 4 more");
  });

  it("refuses an empty file", () => {
    expect(parse([]).diagnostics[0]?.message).toBe("t.jsonl has no requests.");
  });
});
