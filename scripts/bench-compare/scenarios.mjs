/**
 * What both pickers are measured with. `load` are arguments of `routerbench load`; a scenario without is an idle picker.
 * `envoy` says how the proxy talks to the pickers: each in its best mode, or both in full duplex. `beside` is load that
 * runs at the same time and is not measured. `axis` puts a scenario on one of the plots.
 */
export const scenarios = [
  { name: "idle, 1 endpoint", endpoints: 1, axis: { endpoints: 1 } },
  { name: "idle, 4 endpoints", endpoints: 4 },
  { name: "idle, 10 endpoints", endpoints: 10, axis: { endpoints: 10 } },
  { name: "idle, 100 endpoints", endpoints: 100, axis: { endpoints: 100 } },
  { name: "50/s × 200 tokens", endpoints: 4, load: short(50), axis: { "requests per second": 50 } },
  { name: "200/s × 200 tokens", endpoints: 4, load: short(200), axis: { "requests per second": 200 } },
  { name: "500/s × 200 tokens", endpoints: 4, load: short(500), axis: { "requests per second": 500 } },
  { name: "200/s × 200 tokens, 100 endpoints", endpoints: 100, load: short(200) },
  { name: "500/s × 200 tokens, 100 endpoints", endpoints: 100, load: short(500) },
  { name: "20/s × 1000 tokens", endpoints: 4, load: prompts(20, 1_000), axis: { "prompt tokens": 1_000 } },
  { name: "20/s × 10000 tokens", endpoints: 4, load: prompts(20, 10_000), axis: { "prompt tokens": 10_000 } },
  { name: "5/s × 100000 tokens", endpoints: 4, load: prompts(5, 100_000), axis: { "prompt tokens": 100_000 } },
  {
    name: "200/s × 200 tokens beside 5/s × 1 MB",
    endpoints: 4,
    load: short(200),
    beside: prompts(5, 250_000),
  },
  { name: "5/s × 10 chunks", endpoints: 4, slow: true, load: chunks(10), axis: { "chunks of the answer": 10 } },
  { name: "5/s × 100 chunks", endpoints: 4, slow: true, load: chunks(100), axis: { "chunks of the answer": 100 } },
  { name: "5/s × 1000 chunks", endpoints: 4, slow: true, load: chunks(1_000), axis: { "chunks of the answer": 1_000 } },
  { name: "5/s × 1000 chunks, both full duplex", endpoints: 4, slow: true, load: chunks(1_000), envoy: "full" },
  // Last: a picker that has not caught up with it would spoil what comes after.
  { name: "idle, 1000 endpoints", endpoints: 1_000, axis: { endpoints: 1_000 } },
];

function short(rps) {
  return { rps, "prompt-tokens": 200, "max-tokens": 16 };
}

function prompts(rps, tokens) {
  return { rps, "prompt-tokens": tokens, "max-tokens": 16 };
}

function chunks(count) {
  return { rps: 5, "prompt-tokens": 200, "max-tokens": count };
}
