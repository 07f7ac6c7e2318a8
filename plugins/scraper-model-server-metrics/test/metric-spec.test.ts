import { describe, expect, it } from "vitest";
import { parseMetricSpec } from "../src/metric-spec.ts";

describe("a metric spec", () => {
  it.each([
    ["vllm:num_requests_waiting", "vllm:num_requests_waiting", {}],
    ["nv{request_type=waiting}", "nv", { request_type: "waiting" }],
    [' nv { a = "x,y" , b=z } ', "nv", { a: "x,y", b: "z" }],
    ['nv{a="say \\"hi\\"\\n"}', "nv", { a: 'say "hi"\n' }],
    ["nv{}", "nv", {}],
    ["nv{a=b,}", "nv", { a: "b" }],
  ])("reads %s", (text, name, labels) => {
    const spec = parseMetricSpec(text);
    expect(spec?.name).toBe(name);
    expect(Object.fromEntries(spec!.labels.map((label) => [label.name, label.value]))).toEqual(labels);
  });

  it.each(["", "1st", "a b", "nv{", "nv{a}", "nv{a=}", "nv{a=b}c", "nv{a=b c=d}", 'nv{a="b}', "nv{=b}"])(
    "refuses %j",
    (text) => {
      expect(parseMetricSpec(text)).toBeUndefined();
    },
  );
});
