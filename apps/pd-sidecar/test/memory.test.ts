import { describe, expect, it } from "vitest";
import { createBufferBudget } from "../src/admission/buffer-budget.ts";
import { KvGate, parseKvUsage } from "../src/admission/kv-pressure.ts";

describe("the buffer budget", () => {
  it("gives no more than it has, and everything comes back once", () => {
    const budget = createBufferBudget(100);
    const [a, b] = [budget.open(), budget.open()];
    expect([a.grow(60), b.grow(41), b.grow(40), a.grow(1)]).toEqual([true, false, true, false]);
    expect(budget.used).toBe(100);
    a.release();
    a.release();
    expect([budget.used, a.grow(1), b.grow(60)]).toEqual([40, false, true]);
    b.release();
    expect(budget.used).toBe(0);
  });

  it("is unlimited with 0, and counts nevertheless", () => {
    const budget = createBufferBudget(0);
    expect(budget.open().grow(1e15)).toBe(true);
    expect(budget.used).toBe(1e15);
  });
});

describe("the KV usage", () => {
  it("is read from vLLM's page under both of its names; the fullest engine counts", () => {
    const page = [
      "# TYPE vllm:kv_cache_usage_perc gauge",
      'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25',
      'vllm:kv_cache_usage_perc{engine="1",model_name="m"} 7.5e-1',
      'vllm:cache_config_info{block_size="32",engine="0",num_cpu_blocks="9",num_gpu_blocks="4096"} 1.0',
    ].join("\n");
    expect(parseKvUsage(page)).toEqual({ usage: 0.75, totalBlocks: 4_096, blockSize: 32 });
    expect(parseKvUsage("vllm:gpu_cache_usage_perc 0.5\n")).toEqual({
      usage: 0.5,
      totalBlocks: undefined,
      blockSize: 16,
    });
  });

  it("is unknown where the page does not tell it", () => {
    for (const page of ["", "up 1", "vllm:kv_cache_usage_perc NaN", "xvllm:kv_cache_usage_perc 1"]) {
      expect(parseKvUsage(page), page).toBeUndefined();
    }
    expect(parseKvUsage('vllm:kv_cache_usage_perc 0\nvllm:cache_config_info{num_gpu_blocks="None"} 1')).toMatchObject({
      totalBlocks: undefined,
    });
  });
});

describe("the KV gate", () => {
  const claim = { prefill: true, blocks: 10, priority: 0, tenant: "" };
  const usageOf = (usage: number, totalBlocks?: number) => ({ usage, totalBlocks, blockSize: 16 });

  it("closes at the high mark and opens below the low one", () => {
    const gate = new KvGate({ high: 0.9, low: 0.8, minFreeBlocks: 0 });
    const closed = [0.89, 0.9, 0.85, 0.8, 0.79, 0.85].map((usage) => {
      gate.update(usageOf(usage));
      return gate.isClosed;
    });
    expect(closed).toEqual([false, true, true, true, false, false]);
    gate.update(usageOf(1));
    gate.update(undefined);
    expect([gate.isClosed, gate.hasRoom(claim, 1e9, 5)]).toEqual([false, true]);
  });

  it("lets in what fits below the mark beside what is promised, and anything when nothing runs", () => {
    const gate = new KvGate({ high: 0.9, low: 0.8, minFreeBlocks: 0 });
    gate.update(usageOf(0.5, 100));
    expect([
      gate.hasRoom(claim, 30, 1),
      gate.hasRoom(claim, 31, 1),
      gate.hasRoom({ ...claim, blocks: 999 }, 0, 0),
    ]).toEqual([true, false, true]);
  });

  it("keeps blocks free", () => {
    const gate = new KvGate({ high: 0, low: 0, minFreeBlocks: 20 });
    gate.update(usageOf(0.5, 100));
    expect([gate.hasRoom(claim, 20, 1), gate.hasRoom(claim, 21, 1)]).toEqual([true, false]);
    expect([gate.isOff, new KvGate({ high: 0, low: 0, minFreeBlocks: 0 }).isOff]).toEqual([false, true]);
  });
});
