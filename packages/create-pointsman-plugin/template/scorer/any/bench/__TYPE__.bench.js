/** What one call costs with 100 and with 1 000 endpoints. */

import plugin from "__PACKAGE__";
import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { createTestPool, createTestRequest, setUpPlugin, value } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";

const bench = new Bench({ time: 300, warmupTime: 100 });
const request = createTestRequest();

for (const size of [100, 1_000]) {
  const pool = createTestPool(
    Array.from({ length: size }, (_, i) => ({ attributes: [value(WaitingRequests, i % 90)] })),
  );
  const { scorer } = await setUpPlugin(plugin, { pool });
  const candidates = pool.candidates();
  const scores = new Float64Array(size);
  bench.add(`score ${size} endpoints`, () => scorer.score(request, candidates, scores));
}

await bench.run();
console.table(bench.table());
