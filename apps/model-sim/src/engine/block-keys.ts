import { mix32 } from "./random.ts";

/**
 * Where the chain of block keys of one request stands: two lanes of 32 bits. A key identifies a block *and* everything
 * before it, so equal keys mean equal prefixes.
 */
export interface BlockChain {
  readonly high: number;
  readonly low: number;
}

/** The start of the chain for one namespace (model or adapter name, and the cache salt if there is one). */
export function startBlockChain(namespace: string): BlockChain {
  let high = 0x811c9dc5;
  let low = 0x2545f491;
  for (let i = 0; i < namespace.length; i++) {
    const unit = namespace.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = mix32(low ^ unit);
  }
  return { high: mix32(high), low };
}

/**
 * Appends to `keys` one key per whole block of `tokens`, until `keys` holds `limit` of them. Keys are safe integers
 * (53 bits of the two lanes), so that they can be keys of a `Map` without being turned into strings.
 *
 * @returns where the chain stands behind the last block that got a key
 */
export function extendBlockKeys(
  chain: BlockChain,
  tokens: Uint32Array,
  blockSize: number,
  keys: number[],
  limit: number,
): BlockChain {
  let { high, low } = chain;
  for (let end = blockSize; end <= tokens.length && keys.length < limit; end += blockSize) {
    for (let i = end - blockSize; i < end; i++) {
      const token = tokens[i]!;
      high = Math.imul(high ^ token, 0x9e3779b1);
      high ^= high >>> 15;
      low = Math.imul(low + token, 0x85ebca77);
      low ^= low >>> 13;
    }
    high = mix32(high);
    low = mix32(low ^ high);
    keys.push(high * 0x20_0000 + (low >>> 11));
  }
  return { high, low };
}
