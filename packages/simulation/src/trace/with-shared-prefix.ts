import type { Trace, TraceRequest } from "./trace.ts";

/** The trace with the same `blocks` leading blocks before every prompt, as a long system prompt would put them. */
export function withSharedPrefix(trace: Trace, blocks: number): Trace {
  return withGroupPrefixes(trace, blocks, [1]);
}

/**
 * The trace with prompts divided into groups, each of which has `blocks` leading blocks of its own. Requests with a
 * common beginning stay in one group, so every prefix of the trace stays one.
 * @param shares of the conversations in each group; they add up to 1.
 */
export function withGroupPrefixes(trace: Trace, blocks: number, shares: readonly number[]): Trace {
  const prefixes = shares.map((_, group) =>
    Int32Array.from({ length: blocks }, (_unused, i) => trace.blockCount + group * blocks + i),
  );
  return {
    ...trace,
    name: `${trace.name} with ${blocks} blocks before (${shares.length === 1 ? "all" : shares.join(" / ")})`,
    blockCount: trace.blockCount + shares.length * blocks,
    requests: trace.requests.map((request) => {
      const prefix = prefixes[groupOf(request, shares)]!;
      return {
        ...request,
        inputTokens: request.inputTokens + blocks * trace.blockTokens,
        blocks: Int32Array.from([...prefix, ...request.blocks]),
      };
    }),
  };
}

/** By the second block: in the conversation trace the first one is common to all. */
function groupOf({ blocks }: TraceRequest, shares: readonly number[]): number {
  let rest = (Math.imul(blocks[1] ?? blocks[0] ?? 0, 0x9e3779b1) >>> 0) / 4_294_967_296;
  for (let group = 0; group < shares.length; group += 1) {
    if (rest < shares[group]!) return group;
    rest -= shares[group]!;
  }
  return shares.length - 1;
}
