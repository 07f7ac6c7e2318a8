/** What one call costs with 100 and with 1 000 endpoints. */

import plugin from "__PACKAGE__";
import { KvCacheUsage } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";

const bench = new Bench({ time: 300, warmupTime: 100 });
const request = createTestRequest();

for (const size of [100, 1_000]) {
  const pool = createTestPool(
    Array.from({ length: size }, (_, i) => ({ attributes: [value(KvCacheUsage, (i % 100) / 100)] })),
  );
  const { filter } = await setUpPlugin(plugin, { pool });
  const candidates = pool.candidates();
  const keep = new Uint8Array(size);
  bench.add(`filter ${size} endpoints`, () => filter.filter(request, candidates, keep.fill(1)));
}

await bench.run();
console.table(bench.table());
