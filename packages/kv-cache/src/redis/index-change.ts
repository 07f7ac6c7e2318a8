import type { BlockKeys } from "../keys/block-keys.ts";
import { decimalKeys } from "../keys/decimal-keys.ts";
import type { RedisClient } from "./connection.ts";
import type { BlockHolder, RedisLayout } from "./layouts.ts";
import { type RedisCommand, sendCommands } from "./send-commands.ts";

/** Keys of blocks, in order: 64-bit pairs, or texts (decimal, or hex for v0.1). */
export type BlockNames = BlockKeys | readonly string[];

/** Blocks that an endpoint has stored or removed. */
export interface ChangedBlocks {
  /** Model, or LoRA adapter, as in the keys of the layouts that have it. */
  readonly model: string;
  /** As the index calls the endpoint: `ip:port`, or what the engine calls itself. */
  readonly pod: string;
  /** `gpu`, `cpu`, … */
  readonly tier: string;
  readonly speculative?: boolean | undefined;
  readonly group?: number | undefined;
  /** Our keys. A removal may leave them out where engine keys lead to them. */
  readonly blocks?: BlockNames | undefined;
  /** The engine's keys of the same blocks; kept so that removals, which name only these, find ours. */
  readonly engineBlocks?: BlockNames | undefined;
}

export interface StoredBlocks extends ChangedBlocks {
  readonly blocks: BlockNames;
}

export function blockTexts(names: BlockNames | undefined): readonly string[] {
  if (names === undefined) return [];
  return names instanceof Int32Array ? decimalKeys(names) : names;
}

export function holderOf({ pod, tier, speculative = false, group }: ChangedBlocks): BlockHolder {
  return { pod, tier, speculative, group };
}

/** What stores blocks. Where the numbers of engine keys and of ours differ, they are paired in proportion, as in llm-d. */
export function storeCommands(stored: StoredBlocks, layout: RedisLayout, now: Date): RedisCommand[] {
  const blocks = blockTexts(stored.blocks);
  const field = layout.field(holderOf(stored));
  const value = layout.value(now);
  const commands: RedisCommand[] = blocks.map((block) => ["hset", layout.key(stored.model, block), field, value]);
  const engineBlocks = layout.engineKey === undefined ? [] : blockTexts(stored.engineBlocks);
  const pairs = Math.max(blocks.length, engineBlocks.length);
  if (engineBlocks.length === 0 || blocks.length === 0) return commands;
  for (let i = 0; i < pairs; i += 1) {
    const engine = engineBlocks[Math.floor((i * engineBlocks.length) / pairs)]!;
    const position = Math.floor((i * blocks.length) / pairs);
    commands.push(["zadd", layout.engineKey!(engine), position, blocks[position]!]);
  }
  return commands;
}

/**
 * Removes by an engine's key: from all of our blocks that it leads to; and forgets the way to blocks that nobody holds
 * any more, in the same step, so that a store in between is not lost.
 */
export const removeScript = `
for i = 1, #KEYS do
  for _, block in ipairs(redis.call('ZRANGE', KEYS[i], 0, -1)) do
    redis.call('HDEL', block, ARGV[1])
    if redis.call('EXISTS', block) == 0 then redis.call('ZREM', KEYS[i], block) end
  end
end
`;

/** Adds a holder to all of our blocks that an engine's key leads to. */
export const copyScript = `
for i = 1, #KEYS do
  for _, block in ipairs(redis.call('ZRANGE', KEYS[i], 0, -1)) do
    redis.call('HSET', block, ARGV[1], ARGV[2])
  end
end
`;

const removeName = "pointsmanRemove";
const copyName = "pointsmanCopy";
type Script = (count: number, ...rest: string[]) => Promise<unknown>;
type Scripted = RedisClient & { readonly [removeName]: Script; readonly [copyName]: Script };

export function defineChangeScripts(client: RedisClient): void {
  client.defineCommand(removeName, { lua: removeScript });
  client.defineCommand(copyName, { lua: copyScript });
}

/** Blocks whose tokens are not told again, because they were copied to another tier: found through the engine's keys. */
export async function copyBlocks(
  client: RedisClient,
  copied: ChangedBlocks,
  layout: RedisLayout,
  isCluster: boolean,
  now: Date,
): Promise<void> {
  const field = layout.field(holderOf(copied));
  const value = layout.value(now);
  const names = blockTexts(copied.engineBlocks);
  if (names.length === 0) return;
  if (layout.engineKey === undefined) {
    // These layouts have the engine's own keys.
    await sendCommands(
      client,
      names.map((block): RedisCommand => ["hset", layout.key(copied.model, block), field, value]),
    );
    return;
  }
  const lists = names.map((block) => layout.engineKey!(block));
  if (isCluster) {
    const blocks = await blocksOf(client, lists);
    await sendCommands(
      client,
      blocks.map((block): RedisCommand => ["hset", block, field, value]),
    );
  } else await (client as Scripted)[copyName](lists.length, ...lists, field, value);
}

/** The blocks of a list are on other nodes of a cluster, out of reach for a script: they are read first. */
async function blocksOf(client: RedisClient, lists: readonly string[]): Promise<string[]> {
  const found = await sendCommands(
    client,
    lists.map((list): RedisCommand => ["zrange", list, 0, -1]),
  );
  return (found as string[][]).flat();
}

/** Whether a removal needs no way from an engine's keys to ours. */
export function isByOwnKeys(removed: ChangedBlocks, layout: RedisLayout): boolean {
  return removed.blocks !== undefined || layout.engineKey === undefined;
}

/** What removes blocks by the keys that they have in Redis. */
export function removeCommands(removed: ChangedBlocks, layout: RedisLayout): RedisCommand[] {
  const field = layout.field(holderOf(removed));
  const blocks = blockTexts(removed.blocks ?? removed.engineBlocks);
  return blocks.map((block) => ["hdel", layout.key(removed.model, block), field]);
}

/** Removes blocks, through the engine's keys where that is the way. */
export async function removeBlocks(
  client: RedisClient,
  removed: ChangedBlocks,
  layout: RedisLayout,
  isCluster: boolean,
): Promise<void> {
  const field = layout.field(holderOf(removed));
  if (isByOwnKeys(removed, layout)) {
    await sendCommands(client, removeCommands(removed, layout));
    return;
  }
  const lists = blockTexts(removed.engineBlocks).map((block) => layout.engineKey!(block));
  if (lists.length === 0) return;
  if (!isCluster) {
    await (client as Scripted)[removeName](lists.length, ...lists, field);
    return;
  }
  const blocks = await blocksOf(client, lists);
  await sendCommands(
    client,
    blocks.map((block): RedisCommand => ["hdel", block, field]),
  );
}
