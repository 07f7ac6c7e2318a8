import { forwarded } from "./expectations.ts";
import type { Message } from "./notation.ts";
import type { TestPicker } from "./picker.ts";
import type { Pod } from "./test-pool.ts";

/** Total scores by address, of a picker that was started with `emitScores`: its keys are the candidates. */
export async function scoresOf(picker: TestPicker, messages: readonly Message[]): Promise<ReadonlyMap<string, number>> {
  const { metadata } = forwarded(await picker.replay(messages));
  return new Map(
    Object.entries(metadata["envoy.lb"]?.["x-gateway-destination-endpoint-scores"] as Record<string, number>),
  );
}

/** Names of the endpoints that were candidates to the end, in the order of the pool. */
export async function survivors(picker: TestPicker, messages: readonly Message[]): Promise<string[]> {
  const scores = await scoresOf(picker, messages);
  return picker.pool.endpoints.filter((pod) => scores.has(addressOf(pod))).map(({ name }) => name);
}

export function addressOf({ host, port }: Pod): string {
  return `${host}:${port}`;
}
