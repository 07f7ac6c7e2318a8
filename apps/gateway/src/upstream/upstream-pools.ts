import { Pool } from "undici";

/** Connections are kept for so many addresses; beyond that the address unused for longest loses its own. */
const MAX_POOLS = 1_000;
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_HEADER_BYTES = 64 * 1024;

/** Keep-alive connections to model servers, one undici pool per address. */
export interface UpstreamPools {
  /** @param address `host:port` or `[ipv6]:port` */
  get(address: string): Pool;
  /** Cuts off all connections. */
  destroy(): Promise<void>;
}

export function createUpstreamPools(): UpstreamPools {
  // Ordered by last use: a Map iterates in the order of insertion.
  const pools = new Map<string, Pool>();
  return {
    get(address) {
      const pool = pools.get(address) ?? openPool(address);
      pools.delete(address);
      pools.set(address, pool);
      if (pools.size > MAX_POOLS) {
        const [oldest, unused] = pools.entries().next().value!;
        pools.delete(oldest);
        // Waits for its running requests.
        unused.close().catch(() => {});
      }
      return pool;
    },
    async destroy() {
      const all = [...pools.values()];
      pools.clear();
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
}

function openPool(address: string): Pool {
  return new Pool(`http://${address}`, {
    connections: null,
    pipelining: 1,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A long prefill is a silent upstream, and a slow generation a silent body.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
}
