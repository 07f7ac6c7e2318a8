import { type BlockKeys, keyCount } from "@pointsman/kv-cache";

/** A prompt of a batch. */
export interface BatchedPrompt {
  /** Chained: equal keys at one place mean that everything before is equal too. */
  readonly keys: BlockKeys;
  readonly tokens: number;
  /** Ids of the endpoints that it may go to, in their order. */
  readonly endpointIds: readonly string[];
}

/** Where a prompt is drawn to. */
export interface Assignment {
  readonly endpointId: string;
  /** Leading blocks that it shares with another prompt that is drawn there. */
  readonly sharedBlocks: number;
}

export interface AssignmentRules {
  /** Leading blocks that prompts must share to belong together; at least 1. */
  readonly sharedBlocks: number;
  readonly maxPerEndpoint: number;
  readonly balanceBy: "requests" | "tokens";
}

interface Load {
  requests: number;
  weight: number;
}

/**
 * Draws prompts of a batch that begin alike to the same endpoint, and different groups to different ones: the heaviest
 * group first, each to the endpoint that has least of this batch. A prompt without company is not drawn anywhere.
 *
 * @returns for each prompt, undefined where nothing is said
 */
export function assignBatch(
  prompts: readonly BatchedPrompt[],
  rules: AssignmentRules,
): readonly (Assignment | undefined)[] {
  const assignments = new Array<Assignment | undefined>(prompts.length);
  const loads = new Map<string, Load>();
  const weightOf = (prompt: BatchedPrompt): number => (rules.balanceBy === "tokens" ? prompt.tokens : 1);
  const loadOf = (id: string): Load => loads.get(id) ?? { requests: 0, weight: 0 };
  const groups = groupsOf(prompts, rules.sharedBlocks).map((members) => ({
    members,
    weight: members.reduce((sum, i) => sum + weightOf(prompts[i]!), 0),
  }));
  for (const { members } of groups.sort((a, b) => b.weight - a.weight)) {
    for (let rest: readonly number[] = members; rest.length > 1; ) {
      const endpointId = leastLoaded(prompts[rest[0]!]!.endpointIds, loadOf, rules.maxPerEndpoint);
      if (endpointId === undefined) break;
      const load = loadOf(endpointId);
      const room = rules.maxPerEndpoint - load.requests;
      const together = rest.filter((i) => prompts[i]!.endpointIds.includes(endpointId)).slice(0, room);
      const taken = new Set(together);
      rest = rest.filter((i) => !taken.has(i));
      loads.set(endpointId, {
        requests: load.requests + together.length,
        weight: load.weight + together.reduce((sum, i) => sum + weightOf(prompts[i]!), 0),
      });
      if (together.length > 1) assignTogether(prompts, together, endpointId, assignments);
    }
  }
  return assignments;
}

/** @param together neighbours share most */
function assignTogether(
  prompts: readonly BatchedPrompt[],
  together: readonly number[],
  endpointId: string,
  assignments: (Assignment | undefined)[],
): void {
  let before = 0;
  together.forEach((prompt, i) => {
    const next = together[i + 1];
    const after = next === undefined ? 0 : sharedBlocks(prompts[prompt]!.keys, prompts[next]!.keys);
    assignments[prompt] = { endpointId, sharedBlocks: Math.max(before, after) };
    before = after;
  });
}

/** Prompts that begin alike, at least two each, so ordered that those that share most are neighbours. */
function groupsOf(prompts: readonly BatchedPrompt[], blocks: number): number[][] {
  const groups = new Map<string, number[]>();
  prompts.forEach(({ keys }, i) => {
    if (keyCount(keys) < blocks) return;
    const name = `${keys[2 * blocks - 2]}/${keys[2 * blocks - 1]}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [i]);
    else group.push(i);
  });
  return [...groups.values()]
    .filter(({ length }) => length > 1)
    .map((group) => group.sort((a, b) => compareKeys(prompts[a]!.keys, prompts[b]!.keys) || a - b));
}

function leastLoaded(
  endpointIds: readonly string[],
  loadOf: (id: string) => Load,
  maxPerEndpoint: number,
): string | undefined {
  let best: string | undefined;
  for (const id of endpointIds) {
    if (loadOf(id).requests >= maxPerEndpoint) continue;
    if (best === undefined || loadOf(id).weight < loadOf(best).weight) best = id;
  }
  return best;
}

function firstDifference(a: BlockKeys, b: BlockKeys): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a[i] === b[i]) i += 1;
  return i;
}

function sharedBlocks(a: BlockKeys, b: BlockKeys): number {
  return firstDifference(a, b) >>> 1;
}

function compareKeys(a: BlockKeys, b: BlockKeys): number {
  const i = firstDifference(a, b);
  return i < Math.min(a.length, b.length) ? a[i]! - b[i]! : a.length - b.length;
}
